async def f():
    await a ** 2
    -await b.c(d)[e]
