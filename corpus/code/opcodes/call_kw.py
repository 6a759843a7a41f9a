def f(g, a):
    return g(a, key=1)
