async def f():
a
