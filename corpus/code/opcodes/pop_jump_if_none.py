def f(a):
    if a is not None:
        return 1
