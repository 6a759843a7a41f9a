def f(a, b):
    return {a: b, 'k': 1}, {}
