def f(a):
    with a as b:
        return b
