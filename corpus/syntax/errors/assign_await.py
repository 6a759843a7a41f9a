async def f():
    await a = 1
