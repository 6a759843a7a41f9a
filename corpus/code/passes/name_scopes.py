def f(a, *b, c=1, **d):
    global e
    def g():
        nonlocal a
        a = c
        class K:
            a = a
            def h(self):
                return __class__, a, e
        return K
    return g, b, d
