def f(a, b):
    c = a
    d = c
    e, g = a, b
    return e + g + d
