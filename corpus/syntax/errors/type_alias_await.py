async def f():
    type X = await a
