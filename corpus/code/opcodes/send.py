def f(a):
    x = yield from a
    return x
