def f():
    a = 1
    def g():
        return a
    del a
    return g
