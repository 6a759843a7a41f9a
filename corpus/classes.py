# Classes: slots that follow their dunders, layouts, metaclasses, descriptors, and what errors say.


def error(f, *args):
    try:
        f(*args)
    except Exception as e:
        return f"{type(e).__name__}: {e}"
    return None


class A:
    def __len__(self):
        return 3


class B(A):
    pass


assert len(B()) == 3
A.__len__ = lambda self: 4
assert len(B()) == 4
B.__len__ = lambda self: 5
assert (len(A()), len(B())) == (4, 5)
del B.__len__
assert len(B()) == 4
del A.__len__
assert error(len, B()) == "TypeError: object of type 'B' has no len()"


class Left:
    def __add__(self, other):
        return "left"


class Right(Left):
    def __radd__(self, other):
        return "right"


assert Left() + Right() == "right"
assert Right() + Left() == "left"
assert error(lambda: Left() + 1) is None
assert error(lambda: 1 + Left()) == "TypeError: unsupported operand type(s) for +: 'int' and 'Left'"


class Counter:
    def __init__(self):
        self.n = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.n += 1
        if self.n > 2:
            raise StopIteration("end")
        return self.n


def delegate():
    return (yield from Counter())


it = delegate()
assert [next(it), next(it)] == [1, 2]
assert error(next, it) == "StopIteration: end"

assert error(type, "C", (int, str), {}) == "TypeError: multiple bases have instance lay-out conflict"
assert error(type, "C", (bool,), {}) == "TypeError: type 'bool' is not an acceptable base type"
assert error(type, "C", (A, B), {}) == (
    "TypeError: Cannot create a consistent method resolution order (MRO) for bases A, B"
)
assert error(setattr, int, "x", 1) == "TypeError: cannot set 'x' attribute of immutable type 'int'"
assert error(object.__setattr__, int, "x", 1) == "TypeError: can't apply this __setattr__ to type object"
assert error(object.__new__, int) == "TypeError: object.__new__(int) is not safe, use int.__new__()"


class Slotted:
    __slots__ = ("a", "__b")

    def __init__(self):
        self.a, self.__b = 1, 2


s = Slotted()
assert (s.a, s._Slotted__b) == (1, 2)
assert error(setattr, s, "c", 3) == "AttributeError: 'Slotted' object has no attribute 'c' and no __dict__ for setting new attributes"
assert not hasattr(s, "__dict__")


class Fails:
    @property
    def __eq__(self):
        raise AttributeError("not there")


assert Fails() != Fails()
assert repr(list[int] | None) == "list[int] | None"
assert len.__qualname__ == "len" and str.join.__qualname__ == "str.join"
