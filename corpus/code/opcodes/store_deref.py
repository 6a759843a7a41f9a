def f():
    a = 1
    def g():
        nonlocal a
        a = 2
    return g
