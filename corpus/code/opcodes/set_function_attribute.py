def f(a):
    def g(x=a, *, y=a, z: a = 1):
        return a
    return g
