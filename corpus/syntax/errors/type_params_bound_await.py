async def g():
    def f[T: (await a)](): pass
