#!/usr/bin/env python3
"""Times small kernels of everyday Python under two interpreters, side by side.

    survey.py REFERENCE SUBJECT [-k NAME,...] [--rounds N]

Each argument is a command line. Every kernel runs in a process of its own, the two sides in turn, round by round; processor
seconds count, and of all rounds the best. The ratio is the reference's seconds by the subject's: above 1 the subject is faster.
Kernels are sized for some 50 to 200 ms, so that what is specialised at the beginning does not count.
"""
import sys
import time

KERNELS = {}


def kernel(function):
    KERNELS[function.__name__] = function
    return function


@kernel
def raise_except():
    def fail(i):
        if i & 1:
            raise ValueError(i)
        return i
    for i in range(200_000):
        try:
            fail(i)
        except ValueError as e:
            last = e


@kernel
def try_untaken():
    d = {}
    for i in range(1_000_000):
        try:
            d[1] = i
        except KeyError:
            pass


@kernel
def key_error():
    d = {}
    for i in range(200_000):
        try:
            d[i]
        except KeyError:
            pass


@kernel
def attribute_error():
    class A:
        pass
    a = A()
    for i in range(200_000):
        getattr(a, "missing", None)
        hasattr(a, "missing")


@kernel
def call_kw():
    def f(a, b=2, *, c=3):
        return a
    for i in range(500_000):
        f(i, c=1)
        f(a=i, b=2)


@kernel
def call_kw_native():
    for i in range(300_000):
        sorted((), key=None)
        int("12", base=16)


@kernel
def call_star():
    def f(*args, **kwargs):
        return args
    t, d = (1, 2), {"x": 1}
    for i in range(300_000):
        f(*t)
        f(1, *t, **d)
        f(1, 2, x=3)


@kernel
def enum_access():
    import enum

    class Colour(enum.Enum):
        RED = 1
        GREEN = 2

    class Flag(enum.Flag):
        A = 1
        B = 2
    for i in range(200_000):
        Colour.RED
        Colour.GREEN.value
        Colour.RED.name
        Colour(1)
        Colour["RED"]
    for i in range(20_000):
        Flag.A | Flag.B


@kernel
def module_level_loop():
    exec(compile("for c in 'abcdefghij' * 100_000: x = c\n", "m", "exec"), {})


@kernel
def module_level_sum():
    exec(compile("s = 0\nfor i in range(700_000):\n    s = s + i\n    t = s\n", "m", "exec"), {})


@kernel
def fstring_spec():
    x, n = 3.14159, 42
    for i in range(200_000):
        f"{x:.2f} {n:5d} {n:>8} {n:x}"


@kernel
def fstring_plain():
    x, n, s = 3.5, 42, "abc"
    for i in range(300_000):
        f"{s}-{n} {x} {s!r}"


@kernel
def set_algebra():
    a, b = set(range(100)), set(range(50, 150))
    for i in range(10_000):
        a | b
        a & b
        a - b
        a ^ b


@kernel
def set_methods():
    a, b = set(range(100)), frozenset(range(30))
    for i in range(100_000):
        b <= a
        7 in a
        a.add(5)
        a.discard(1000)
        a.issuperset(b)


@kernel
def set_build():
    r = list(range(100))
    for i in range(20_000):
        set(r)
        {x for x in r}


@kernel
def permutations():
    import itertools
    for p in itertools.permutations(range(9)):
        pass


@kernel
def itertools_mix():
    import itertools
    for i in range(30):
        for x in itertools.chain(range(1000), range(1000)):
            pass
        for x in itertools.product(range(30), range(30)):
            pass
        for x in itertools.combinations(range(20), 3):
            pass
        for x in itertools.islice(itertools.count(), 1000):
            pass
        list(itertools.accumulate(range(1000)))
        for k, g in itertools.groupby(range(1000), lambda x: x // 10):
            pass


@kernel
def str_methods():
    s, line = "The quick brown fox", "a,b,c,d,e,f,g,h"
    for i in range(60_000):
        parts = line.split(",")
        "-".join(parts)
        s.replace("quick", "slow")
        "  x y ".strip()
        s.find("fox")
        s.startswith("The")
        s.upper()
        s.lower()
        "fox" in s
        line.partition(",")
        s.encode()
        s.isdigit()


@kernel
def str_split():
    line = "a,b,c,d,e,f,g,h"
    words = "the quick brown fox jumps over"
    for i in range(150_000):
        line.split(",")
        words.split()


@kernel
def str_join():
    parts = ["a", "bc", "def", "g"] * 5
    for i in range(200_000):
        "".join(parts)


@kernel
def str_concat_index():
    s = "hello world"
    for i in range(300_000):
        s[3] + s[5]
        s[1:4]
        s == "hello"


@kernel
def str_percent():
    for i in range(200_000):
        "%s %d %r" % ("a", i, "b")
        "{} {}".format(i, "x")


@kernel
def json_dumps():
    import json
    data = [{"id": i, "name": "name %d" % i, "values": [1.5, 2.5, None, True], "nested": {"a": [1, 2, 3]}} for i in range(100)]
    for i in range(40):
        json.dumps(data)


@kernel
def json_loads():
    import json
    data = [{"id": i, "name": "name %d" % i, "values": [1.5, 2.5, None, True], "nested": {"a": [1, 2, 3]}} for i in range(100)]
    text = json.dumps(data)
    for i in range(60):
        json.loads(text)


@kernel
def text_file():
    import os
    import tempfile
    with tempfile.NamedTemporaryFile("w", delete=False) as f:
        for i in range(200_000):
            f.write("line %d of the file\n" % i)
    with open(f.name) as g:
        for line in g:
            pass
    os.unlink(f.name)


@kernel
def text_file_read():
    import os
    import tempfile
    with tempfile.NamedTemporaryFile("w", delete=False) as f:
        f.write("line of the file\n" * 300_000)
    for i in range(3):
        with open(f.name) as g:
            for line in g:
                pass
    os.unlink(f.name)


@kernel
def pickle_both():
    import pickle
    data = [{"id": i, "name": "name %d" % i, "values": [1.5, 2.5, None, True], "t": (1, "x")} for i in range(200)]
    for i in range(60):
        pickle.loads(pickle.dumps(data))


@kernel
def base64_large():
    import base64
    data = bytes(range(256)) * 4000
    for i in range(5):
        base64.b64decode(base64.b64encode(data))
        base64.b16decode(base64.b16encode(data))


@kernel
def regex():
    import re
    p = re.compile(r"(\w+)@(\w+)\.com")
    text = "some text with user@example.com and other@test.com in it " * 20
    for i in range(150):
        p.findall(text)
        p.sub(r"\2 at \1", text)
    q = re.compile(r"\d+")
    for i in range(20_000):
        q.match("12345 abc")
        q.search("abc 12345")


@kernel
def regex_compile():
    import re
    for i in range(20):
        for p in (r"(\w+)@(\w+)\.com", r"[a-z]+(?:foo|bar)*\d{2,5}", r"^\s*#.*$", r"(?P<x>a|b|c)(?P=x)"):
            re._compiler.compile(p)


@kernel
def coroutines():
    async def leaf(i):
        return i

    async def branch(n):
        total = 0
        for i in range(n):
            total += await leaf(i)
        return total
    for i in range(10):
        try:
            branch(20_000).send(None)
        except StopIteration:
            pass


@kernel
def async_tree():
    import asyncio

    async def node(depth):
        if depth == 0:
            return 1
        return sum(await asyncio.gather(*[node(depth - 1) for _ in range(6)]))
    for i in range(4):
        asyncio.run(node(4))


@kernel
def asyncio_sleep():
    import asyncio

    async def ticker():
        for i in range(5000):
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(ticker(), ticker())
    asyncio.run(main())


@kernel
def generators():
    def gen(n):
        for i in range(n):
            yield i

    def outer(n):
        yield from gen(n)
    for x in gen(500_000):
        pass
    for x in outer(200_000):
        pass
    sum(i for i in range(300_000))


@kernel
def generator_tree():
    def tree(n):
        if n:
            yield from tree(n - 1)
            yield n
            yield from tree(n - 1)
    for x in tree(14):
        pass


@kernel
def super_attr():
    class A:
        def f(self):
            return 1

    class B(A):
        def f(self):
            return super().f()
    b = B()
    for i in range(500_000):
        b.f()


@kernel
def properties_slots():
    class P:
        __slots__ = ("_x",)

        def __init__(self, x):
            self._x = x

        @property
        def x(self):
            return self._x

        @staticmethod
        def s(a):
            return a

        @classmethod
        def c(cls, a):
            return a
    p = P(1)
    for i in range(250_000):
        p.x
        p.s(1)
        p.c(1)
        P(i)


@kernel
def dunders():
    class V:
        def __init__(self, x):
            self.x = x

        def __add__(self, other):
            return V(self.x + other.x)

        def __eq__(self, other):
            return self.x == other.x

        def __getitem__(self, i):
            return i

        def __len__(self):
            return 3

        def __call__(self):
            return 1
    a, b = V(1), V(2)
    for i in range(100_000):
        a + b
        a == b
        a[1]
        len(a)
        a()


@kernel
def subscripts():
    a, t, d = list(range(10)), tuple(range(10)), {"a": 1, "b": 2}
    for i in range(400_000):
        a[0] + a[1] + t[2] + t[-1] + a[-1]
        d["a"]
        a[3] = i


@kernel
def nested_lists():
    n = 60
    a = [[float(i * j) for j in range(n)] for i in range(n)]
    b = [[0.0] * n for i in range(n)]
    for k in range(60):
        for i in range(n):
            row, out = a[i], b[i]
            for j in range(n):
                out[j] = row[j] * 0.5 + a[j][i]


@kernel
def slices():
    a = list(range(100))
    for i in range(200_000):
        a[:10]
        a[10:20]
        a[::-1]
        a[0:5] = a[5:10]


@kernel
def list_methods():
    for i in range(60_000):
        a = [5, 3, 1, 4]
        a.sort()
        a.append(1)
        a.pop()
        a.insert(0, 3)
        a.reverse()
        a.extend((1, 2))
        a.index(4)
        sorted(a)
        max(a)
        sum(a)


@kernel
def dict_methods():
    for i in range(100_000):
        d = {"a": 1, "b": 2}
        d.get("a")
        d.get("x", 0)
        d.setdefault("c", 3)
        d.pop("a")
        d.update(e=5)
        for k, v in d.items():
            pass
        list(d)
        "a" in d
        d.copy()


@kernel
def comprehensions():
    for i in range(3000):
        [x * 2 for x in range(100)]
        {x: x for x in range(100)}
        [x for x in range(100) if x & 1]
        list(map(str, range(50)))


@kernel
def builtins_mix():
    a = list(range(20))
    for i in range(50_000):
        for x, y in zip(a, a):
            pass
        for x, y in enumerate(a):
            pass
        any(a)
        min(1, 2)
        abs(-1)
        isinstance(i, (int, str))
        ord("a")
        chr(97)
        int("12")
        str(12)


@kernel
def unpack():
    t = (1, 2, 3)
    for i in range(400_000):
        a, b, c = t
        (d, e), f = (1, 2), 3
        g, *h = t


@kernel
def closures():
    def make():
        n = 0

        def inc():
            nonlocal n
            n += 1
            return n
        return inc
    f = make()
    for i in range(600_000):
        f()
        lambda: i


@kernel
def with_statement():
    class C:
        def __enter__(self):
            return self

        def __exit__(self, *args):
            return None
    c = C()
    for i in range(250_000):
        with c:
            pass


@kernel
def contextlib_with():
    import contextlib

    @contextlib.contextmanager
    def cm():
        yield 1
    for i in range(50_000):
        with cm():
            pass


@kernel
def instances():
    class P:
        def __init__(self, x, y):
            self.x = x
            self.y = y

        def total(self):
            return self.x + self.y
    s = 0
    for i in range(250_000):
        s += P(i, 1).total()


@kernel
def dataclass_namedtuple():
    import collections
    import dataclasses

    @dataclasses.dataclass
    class D:
        x: int
        y: int = 0
    N = collections.namedtuple("N", "x y")
    for i in range(80_000):
        d = D(i)
        d == d
        n = N(i, 2)
        n.x + n.y
        n._replace(x=1)


@kernel
def int_ops():
    s = 1
    for i in range(1, 400_000):
        s = (s * 31 + i) % 1_000_003
        s ^= i >> 2
        s //= 2
        s & 255 | 3
        -s


@kernel
def big_ints():
    x = 3
    for i in range(200):
        x = x * x % (1 << 2000)
        x // 12345
    for i in range(30_000):
        (i << 70) + 1
        (1 << 64) - i


@kernel
def float_ops():
    import math
    x = 0.1
    for i in range(300_000):
        x = x * 1.5 / 1.4 - 0.001
        x = abs(x) ** 0.5
        math.sqrt(x) + math.sin(x)


@kernel
def compare_chain():
    a, b = "abc", "abd"
    for i in range(600_000):
        if a < b and 1 <= i < 10 ** 9 and i != 5 and a is not b and not a == b:
            pass


@kernel
def match_statement():
    def f(x):
        match x:
            case {"a": y}:
                return y
            case [a, b]:
                return a
            case int():
                return 1
            case _:
                return None
    for i in range(100_000):
        f(1)
        f([1, 2])
        f({"a": 1})
        f("x")


@kernel
def deepcopy():
    import copy
    data = {"a": [1, 2, {"b": (1, 2, [3])}], "c": "x"}
    for i in range(10_000):
        copy.deepcopy(data)


@kernel
def functools_mix():
    import functools
    import operator

    @functools.lru_cache
    def f(x):
        return x
    g = functools.partial(lambda a, b: a, 1)
    for i in range(250_000):
        f(i & 15)
        g(2)
    functools.reduce(operator.add, range(200_000))


@kernel
def sort_key():
    import operator
    a = [(i * 7919 % 1000, str(i)) for i in range(2000)]
    for i in range(40):
        sorted(a, key=lambda x: x[0])
        sorted(a, key=operator.itemgetter(1))
        sorted(a)


@kernel
def collections_mix():
    import collections
    d = collections.defaultdict(int)
    q = collections.deque(maxlen=100)
    for i in range(300_000):
        d[i & 63] += 1
        q.append(i)
        q.popleft()
    for i in range(30):
        collections.Counter("abracadabra" * 100).most_common(2)


@kernel
def bytes_ops():
    b = b"hello world" * 10
    for i in range(150_000):
        b[3]
        b[2:5]
        b.find(b"wor")
        b + b
        bytearray(b)
        int.from_bytes(b[:4], "big")
    for x in b * 5000:
        pass


@kernel
def struct_pack():
    import struct
    s = struct.Struct("<IHHd")
    for i in range(200_000):
        s.unpack(s.pack(1, 2, 3, 4.5))


@kernel
def logging_off():
    import logging
    log = logging.getLogger("x")
    for i in range(200_000):
        log.debug("nothing %d", i)


@kernel
def random_numbers():
    import random
    r = random.Random(1)
    for i in range(100_000):
        r.random()
        r.randint(1, 100)
        r.choice((1, 2, 3))


def work(name, repeats):
    function = KERNELS[name]
    best = None
    for _ in range(repeats):
        begin = time.process_time()
        function()
        took = time.process_time() - begin
        best = took if best is None else min(best, took)
    print(best)


def ask(command, name):
    import subprocess
    answer = subprocess.run([*command.split(), __file__, "--work", name], capture_output=True, text=True, timeout=120)
    if answer.returncode:
        print(name, command, (answer.stderr.strip().splitlines() or ["exit status %d" % answer.returncode])[-1], file=sys.stderr)
        return None
    return float(answer.stdout)


def main():
    import argparse
    import math
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference")
    parser.add_argument("subject")
    parser.add_argument("-k", help="kernels, by the beginning of their names")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    wanted = tuple(options.k.split(",")) if options.k else ("",)
    ratios = []
    for name in KERNELS:
        if not name.startswith(wanted):
            continue
        pairs = [(ask(options.reference, name), ask(options.subject, name)) for _ in range(options.rounds)]
        if any(None in pair for pair in pairs):
            continue
        reference, subject = (min(side) for side in zip(*pairs))
        ratios.append(reference / subject)
        print(f"{name:24} {reference * 1e3:8.1f} ms {subject * 1e3:8.1f} ms {reference / subject:6.2f}", flush=True)
    if ratios:
        print(f"geometric mean of {len(ratios)}: {math.exp(sum(map(math.log, ratios)) / len(ratios)):.3f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2], 3)
    else:
        main()
