def f(a):
    return {x: y for x, y in a}
