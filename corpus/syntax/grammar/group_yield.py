def f():
    (yield)
    (yield 1)
    (yield from a)
