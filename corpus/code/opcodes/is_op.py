def f(a, b):
    return a is b, a is not b
