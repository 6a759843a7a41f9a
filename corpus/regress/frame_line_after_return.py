"""A frame object that outlives its frame tells the line of what ran last, the return."""
import sys


def implicit(x):
    global kept
    kept = sys._getframe()
    if x:
        pass


def explicit():
    global kept
    kept = sys._getframe()
    value = (
        1,
    )
    return (
        value
    )


implicit(0)
assert kept.f_lineno - kept.f_code.co_firstlineno == 3, kept.f_lineno
implicit(1)
assert kept.f_lineno - kept.f_code.co_firstlineno == 4, kept.f_lineno
explicit()
assert kept.f_lineno - kept.f_code.co_firstlineno == 6, kept.f_lineno

# Another object for each type of the class, whatever has been specialised.
class A:
    pass


def class_of(objects):
    return [o.__class__ for o in objects]


class Liar:
    __class__ = property(lambda self: int)


for _ in range(20):
    assert class_of(["", A(), 1, 1.5, None, A, Liar(), []]) == [str, A, int, float, type(None), type, int, list]
assert class_of(["a"] * 100) == [str] * 100
mixed = A()
assert class_of([mixed] * 100) == [A] * 100
B = type("B", (), {})
mixed.__class__ = B
assert class_of([mixed] * 100) == [B] * 100
