import _codecs as _m1
import _collections as _m2
import _functools as _m3
import _operator as _m4
import _struct as _m5
import _string as _m6
import binascii as _m7
import itertools as _m8
import math as _m9
import cmath as _m10
import unicodedata as _m11
import array as _m12
import _bisect as _m13
import _heapq as _m14
import zlib as _m15
import _random as _m16
import _sre as _m18
import _io as _m19
import types as _m20
import _weakref as _m21
import _json as _m22
import _csv as _m23
import _contextvars as _m24
import _typing as _m25
import _abc as _m26
import time as _m27
import builtins as _builtins

_NOT = {
    'open', 'exec', 'eval', 'compile', '__import__', 'input', 'breakpoint', 'exit', 'quit', 'print', 'pow', '__pow__', '__rpow__', '__ipow__',
    'count', 'cycle', 'repeat', 'help', 'copyright', 'credits', 'license', 'open_code', 'FileIO', 'sleep', 'factorial', 'comb', 'perm', 'product',
    'permutations', 'combinations', 'combinations_with_replacement', 'globals', 'locals', 'vars', 'dir', 'setattr', 'delattr', '__setattr__',
    '__delattr__', '__subclasses__', 'register', 'register_error', 'unregister', '__subclasshook__', 'mro', 'settime', 'clock_settime', 'clock_settime_ns', 'tzset',
    'pthread_getcpuclockid', 'ipow', '__builtins__', '__loader__', '__spec__', '__globals__', '__dict__', '_reset_registry', '_reset_caches', '_abc_register',
    'text_encoding', '__init_subclass__', 'field_size_limit', 'unregister_dialect', 'register_dialect', '_idle', '__abstractmethods__', 'callproc',
    '__annotations__', '__type_params__', '__bases__', '__mro__', '__class__',
}


class _Odd:
    def __init__(self, *args):
        self.args = args

    def __index__(self):
        return 2

    def __len__(self):
        return 3

    def __getitem__(self, i):
        if i > 3:
            raise IndexError
        return i

    def __call__(self, *args, **kwargs):
        return args

    def __eq__(self, other):
        _pool.clear()
        return True

    def __hash__(self):
        return 1

    def __lt__(self, other):
        for thing in _mutable:
            thing.clear()
        return False

    def __repr__(self):
        return 'odd\ud800'

    def __iter__(self):
        return iter(_pool[:4])


class _Bad:
    def __index__(self):
        return 'no'

    def __len__(self):
        return -1

    def __iter__(self):
        return 5

    def __hash__(self):
        return 1.5

    def __bool__(self):
        return 2

    def __str__(self):
        return 3

    def __float__(self):
        return 1

    def __eq__(self, other):
        raise KeyError


_pool = []
_mutable = []


def _fresh():
    mutable = [[1, 2, 3], {1: 2, 'a': 'b'}, {1, 'x'}, bytearray(b'abc'), _m2.deque([1, 2]), [[]]]
    odd = [
        None, True, 0, 1, -1, 2, 255, 256, 2**31, -2**31 - 1, 2**63, 2**100, -2**63, 0.5, -0.0, float('nan'), float('inf'), 1j, '', 'a', 'abc', 'é', '\ud800',
        '\U0001f600x', 'utf-8', '%s %d', '{0.x[1]!r:>{1}}', b'', b'abc', b'\xff\x00', (), (1, 'a'), frozenset({1}), slice(None, None, -1), slice(-5, 2**63, 2),
        range(3), range(5, -5, -2), memoryview(b'abcd'), iter([1, 2]), (i for i in (1, 2)), lambda *a: a, _Odd(), _Bad(), _Odd, int, str, list, dict, type,
        object, object(), Exception, ValueError('x'), len, [].append, _m12.array('i', [1, 2]), _m19.BytesIO(b'ab\n'), _m19.StringIO('a\nb'),
        memoryview(bytearray(8)), NotImplemented, ..., int | str, list[int], property(len), enumerate('ab'), zip('ab', 'cd'), reversed([1, 2]),
    ]
    return mutable, odd


_mutable[:], _odds = _fresh()
_MODULES = [m for name, m in sorted(globals().items()) if name.startswith('_m') and type(m) is type(_m1)] + [_builtins]


def _names(thing):
    try:
        return [n for n in sorted(type.__dir__(thing) if isinstance(thing, type) else object.__dir__(thing)) if n not in _NOT]
    except Exception:
        return []


_MODULE_NAMES = [(m, [n for n in sorted(m.__dict__) if n not in _NOT and not n.startswith('__')]) for m in _MODULES]


def play(data):
    _mutable[:], odds = _fresh()
    _pool[:] = _mutable + odds
    at = 0

    def byte():
        nonlocal at
        at += 1
        return data[at - 1] if at <= len(data) else 0

    def argument():
        which = byte()
        return _pool[which % len(_pool)] if _pool else None

    for _ in range(min(len(data) // 3, 12)):
        try:
            where = byte()
            if where < 90:
                module, names = _MODULE_NAMES[where % len(_MODULE_NAMES)]
                target = getattr(module, names[byte() % len(names)])
            else:
                thing = argument()
                names = _names(thing)
                target = getattr(thing, names[byte() % len(names)])
            shape = byte()
            args = [argument() for _ in range(shape % 5)]
            if shape >= 200:
                result = target(*args, **{['key', 'default', 'encoding', 'errors', 'sep', 'start', 'strict', 'maxsplit'][byte() % 8]: argument()})
            elif shape >= 192:
                result = target.__new__(target, *args)
            else:
                result = target(*args)
            if len(_pool) < 120 and not isinstance(result, (str, bytes, int)) or len(str(result)[:2000]) < 1000:
                _pool.append(result)
        except RuntimeError as e:
            if 'limit of instructions' in str(e):
                raise
        except SystemError as e:
            raise
        except BaseException:
            pass
    _pool.clear()
    _mutable.clear()
