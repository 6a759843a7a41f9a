def f(a):
    return {*a, 1}, a in {1, 2, 3}, {1, 2, 3}
