x = 1


def f(a=1, b=2):
    c = a

    def inner(d=b):
        nonlocal c
        c = d
        return lambda: (a, c, x)

    class K[T](object):
        y: int = a
        z = [c for _ in range(2)]

        def m(self) -> T:
            return __class__

    type Alias[*Ts, **P] = K
    del b
    return inner()(), K().m(), [c for c in (1, 2)], [(lambda: i)() for i in range(3)], Alias


def g[T: int = bool](n=0):
    global x
    x = n
    if n:
        late = 1
    try:
        return late
    except NameError as e:
        return e, locals()


def h(a=1):
    a = [a for a in range(3)], a
    del a
    return a


f()
