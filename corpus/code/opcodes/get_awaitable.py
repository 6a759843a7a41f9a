async def f(a):
    async with a:
        await a
