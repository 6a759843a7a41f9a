def f(a, b):
    return a in b, a not in b
