def f(a):
    b, *c, d = a
    return c
