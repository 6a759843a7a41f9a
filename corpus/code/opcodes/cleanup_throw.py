async def f(a):
    return await a

def g(a):
    return (yield from a)
