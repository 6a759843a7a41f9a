def f(a):
    b = a
    a = None
    return b

def g(a):
    yield a
