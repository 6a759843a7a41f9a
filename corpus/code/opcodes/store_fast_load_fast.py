def f(a):
    b = a()
    return b

def g(a):
    return [x for x in a]
