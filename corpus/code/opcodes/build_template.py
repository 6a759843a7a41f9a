def f(a):
    return t'x{a}y'
