def f():
    yield

async def g(a):
    await a
