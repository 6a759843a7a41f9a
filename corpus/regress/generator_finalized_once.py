"""A generator that ignores GeneratorExit is closed once when it dies, not for ever."""

import sys

seen = []
sys.unraisablehook = lambda args: seen.append(str(args.exc_value))


def g():
    while True:
        try:
            yield
        except GeneratorExit:
            pass


x = g()
next(x)
del x
assert seen == ["generator ignored GeneratorExit"], seen

kept = []


def h():
    try:
        yield 1
    finally:
        kept.append(y)


y = h()
next(y)
del y
