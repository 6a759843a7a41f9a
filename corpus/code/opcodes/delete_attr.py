def f(a):
    del a.b
