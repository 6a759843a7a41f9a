async def f(a):
    async with a as b:
        async for x in b:
            yield await x
        else:
            yield
    return
