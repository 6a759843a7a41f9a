def f():
    a = 1
    def g():
        return a
    return g() + a
