def f(a, b):
    return (a, b) if a else [a, b]

def g(a, b):
    c, d = a, b
    a = b = 1
    return c, d
