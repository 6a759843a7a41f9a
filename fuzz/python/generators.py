def f(n=3):
    def inner(m):
        got = yield m
        while got is not None:
            got = yield got
        return m * 2

    try:
        for i in range(n):
            x = yield from inner(i)
            yield x
    except ValueError as e:
        yield e
    finally:
        yield 'end'


async def waits(n=2):
    class Ready:
        def __await__(self):
            yield self
            return n

        async def __aenter__(self):
            return self

        async def __aexit__(self, *args):
            await self

        def __aiter__(self):
            return self

        async def __anext__(self):
            await self
            raise StopAsyncIteration

    async with Ready() as r:
        async for x in r:
            return x
    return await Ready(), [y async for y in steps(2)]


async def steps(n=2):
    for i in range(n):
        yield i
    try:
        yield n
    finally:
        n = 0


async def gathered(n=2):
    return list(x * y for x in range(n) for y in (1, 2) if x), {**{}, 'a': n}, [z async for z in steps(n)]


def together(n=4):
    return [*(x * y for x in range(n) for y in (1, 2) if x)], {k: n for k in 'ab'}, {j for j in (n, n)}


def lines(n=1):
    for i, (a, *b) in enumerate([(1, 2, 3), 'xyz']):
        yield a, b, i, n


list(f())
