def f(a, b):
    a, b = b, a
    a.x, a.y = b, a
    with a:
        return b
