async def f():
    [a async for a in b]
    (a async for a in b if await c)
    {a: b for a in c async for b in d}
