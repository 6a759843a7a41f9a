async def f():
    x: (await a)
