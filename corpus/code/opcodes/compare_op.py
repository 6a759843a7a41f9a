def f(a, b):
    return a < b, a <= b, a == b, a != b, a > b, a >= b, 0 if a < b else 1
