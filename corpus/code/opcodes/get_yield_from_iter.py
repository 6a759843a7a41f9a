def f(a):
    yield from a
    return 1
