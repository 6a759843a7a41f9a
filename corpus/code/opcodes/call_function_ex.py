def f(g, a, k):
    return g(*a), g(*a, **k), g(1, *a, x=2, **k)
