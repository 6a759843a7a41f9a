async def f():
    async with a as b, c: d
    async with (a as b, c as d): e
