def f(a):
    a()
