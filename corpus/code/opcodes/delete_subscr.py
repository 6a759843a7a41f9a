def f(a, b):
    del a[b]
