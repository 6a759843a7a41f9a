def f(a):
    yield a

async def g(a):
    yield a
