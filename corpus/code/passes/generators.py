def f(a):
    x = yield
    try:
        y = yield x
    except GeneratorExit:
        return y
    return (yield from a)
