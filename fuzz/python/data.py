"""Docstring."""
import_free: int = 3


def f(a=1, b='b', c=()):
    """Docstring of f."""
    t = (a, b, c)
    x, *y, z = t
    first, second, third = t
    s = f'{a!r:>{5}} {b:x<4} {c!s} {x=}' if isinstance(b, str) else f'{a}'
    u = t'{a!r:>{5}} and {b}'
    d = {'k': 1, **{'m': a}, b: [*y, z]}
    e = {1, 2, *y}
    l = [0] * 4
    l[1] = x
    l[1:3] = y
    del l[0], d['k']
    l[-1] += 1 if z else -1
    q = not a, ~3, -a, +2.5, a < 2 < 3, a is None, b in t, b not in t, a and b or c
    r = a + 1, a - 1, a * 2, a / 2, a // 2, a % 2, a ** 2, a << 1, a >> 1, a & 1, a | 1, a ^ 1
    w = 1e300 * 1e10, 1.5 + a, 2j, b'bytes', ..., 0x1FFFFFFFFFFFFFFFFF, frozenset({1, 2}) == e
    n = a == b, a != b, 3 == a, 'x' == b, 1.5 < a
    return s, u, d, e, l, q, r, w, n, first, second, third, t[0], l[0], d['m'], b[0], l[::2]


f()
