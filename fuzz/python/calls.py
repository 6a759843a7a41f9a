def simple(a, b=2, *args, c=3, **kwargs):
    return a, b, args, c, kwargs


class Counter:
    total = 0

    def __init__(self, start=0):
        self.value = start

    def add(self, n):
        self.value += n
        Counter.total += n
        return self

    @property
    def twice(self):
        return self.value * 2


class Loud(Counter):
    def __init__(self, start):
        super().__init__(start)
        self.log = []

    def add(self, n):
        self.log.append(n)
        return super().add(n)


def f(a=1, b='b'):
    x = simple(a, b, 1, 2, c=4, d=5)
    y = simple(*x, **{'k': b})
    z = simple(a, *x, c=1, **{'k': b})
    loud = Loud(3)
    for i in range(4):
        loud.add(i).add(1)
    n = len(loud.log), isinstance(loud, Counter), str(loud.value), type(loud)
    return x, y, z, loud.twice, n, getattr(loud, 'nothing', None), print, (lambda *v: v)(a)


f()
