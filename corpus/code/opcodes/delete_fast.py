def f(a):
    del a
