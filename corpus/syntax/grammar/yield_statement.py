def f():
    yield
    yield 1
    yield 1, *a
    yield from x
