def f(a):
    class C:
        b = a
    return C
