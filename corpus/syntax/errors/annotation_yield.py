def f():
    def g(a: (yield)): pass
