def f(a, b):
    return {**a, 'k': b}
