def f(a, b):
    return not a, bool(b), a and b
