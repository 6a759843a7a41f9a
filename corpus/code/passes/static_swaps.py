def f(a, b, c):
    a, b = b, a
    a, b, c = c, b, a
    a, _, c = b, c, a
    return a
