def f(x, a):
    return [x for x in a], x
