"""Every kind of instruction many times over: the evaluator's native stack must not grow with what it has done.

The number of rounds can be given as an argument.
"""
import sys

N = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000


class Point:
    __slots__ = ("x",)

    def __init__(self, x):
        self.x = x

    def move(self, by=1):
        self.x += by
        return self


class Plain:
    kind = 3

    def __init__(self):
        self.n = 0

    @property
    def twice(self):
        return self.n * 2

    @classmethod
    def make(cls):
        return cls()

    @staticmethod
    def same(x):
        return x

    def __enter__(self):
        return self

    def __exit__(self, *what):
        return True


class Sub(Plain):
    def __init__(self):
        super().__init__()


def arithmetic():
    a, b, f, big, s = 0, 1, 0.5, 1 << 80, ""
    for i in range(N):
        a = (a + i * 3 - b) & 0xFFFF
        f = f * 0.5 + 1.25 - i / 7 + (i // 3) % 5
        big += a
        c = -a + ~b
        d = 1 < i < 7 or f > 2.0 or not c
        e = i is None or i == a or s == "x"
        s = "x" + str(i)
        g = f"{i}{s!r}{f:.1f}"
    return a, d, e, g


def items():
    numbers, pairs, table, text = [1, 2, 3], ((1, 2), (3, 4)), {"a": 1}, "abc"
    for i in range(N):
        numbers[1] = numbers[0] + numbers[-1] & 7
        table["a"] = table["a"] + pairs[1][0] & 7
        (p, q), r = pairs
        first, *rest = numbers
        t = text[1], text[0:2], numbers[1:], "a" in table, 2 in numbers, "b" in text, 3 in {1, 2, 3}
        numbers.append(p)
        del numbers[-1]
        made = [p, q], {p, q}, {"k": p, **table}, [*rest, *pairs], slice(p, q)
    return t, made, r, first


def loops():
    total = 0
    for i in range(N // 10):
        for a, b in zip((1, 2), (3, 4)):
            total += a * b
        for k, v in {"a": 1}.items():
            total += v
        for x in (y for y in (1, 2)):
            total += x
        total += sum([z for z in range(3)]) + len({z for z in "ab"}) + len({z: z for z in "ab"})
        while True:
            total += 1
            if total & 1:
                continue
            break
    return total


def attributes():
    p, o = Point(0), Sub()
    for i in range(N):
        p.x = i
        o.n = p.x + o.kind
        o.other = o.twice
        del o.other
        p.move().move(2).move(by=3)
        Point(i), Plain.make(), o.same(i), Sub()
    return p.x, o.n


def calls():
    def nothing():
        pass

    def many(a, b=2, *args, c=3, **kwargs):
        return a + b + c + len(args) + len(kwargs)

    total = 0
    for i in range(N):
        nothing()
        total += many(1) + many(1, 2, 3, c=4, d=5) + many(*(1, 2), **{"c": 3}) + (lambda x: x)(i)
        total += len("abc") + isinstance(i, int) + abs(-i) + max(i, 3) + min((1, 2))
        type(i), str(i), [].append(i), "a".upper(), {}.get(i)
    return total


def exceptions():
    total = 0
    for i in range(N):
        try:
            if i & 1:
                raise ValueError(i)
            {}[i]
        except ValueError as e:
            total += len(e.args)
        except KeyError:
            total += 1
        finally:
            total += 1
        with Plain():
            [][i]
    return total


def generators():
    def inner(n):
        for i in range(n):
            got = yield i
        return got

    def outer(n):
        return (yield from inner(n))

    async def value(i):
        return i

    async def awaiting(n):
        total = 0
        for i in range(n):
            total += await value(1)
        return total

    async def agen(n):
        for i in range(n):
            yield i

    async def asynchronous(n):
        total = 0
        async for i in agen(n):
            total += 1
        return total

    total = 0
    for i in outer(N):
        total += 1
    for coroutine in (awaiting(N), asynchronous(N)):
        try:
            coroutine.send(None)
        except StopIteration as e:
            total += e.value
    return total


def closures():
    n = 0

    def add(by):
        nonlocal n
        n += by

    for i in range(N):
        add(1)
        match (i & 3, {"a": i}):
            case (0, _):
                add(1)
            case (int(x), {"a": y}) if x == 1:
                add(2)
            case _:
                pass
    return n


def recursion(n):
    return n if n < 2 else recursion(n - 1) + recursion(n - 2)


GLOBAL = 0


def globals_():
    global GLOBAL
    for i in range(N):
        GLOBAL = GLOBAL + 1
    return GLOBAL


assert arithmetic()[0] >= 0
assert items()[2] == (3, 4)
assert loops() > N
assert attributes()[0] == N - 1 + 6
assert calls() > N
assert exceptions() == 2 * N
assert generators() == 3 * N
assert closures() >= N
assert recursion(18 if N <= 100_000 else 30) in (2584, 832040)
assert globals_() == N

# Long stretches without a jump.
names = {}
exec("x = 1\ny = x\n" * 20_000, names)
assert names["y"] == 1
source = "def straight(x):\n" + "    y = x\n    x = y + 1\n" * 10_000 + "    return x\n"
exec(source, names)
assert names["straight"](0) == 10_000
