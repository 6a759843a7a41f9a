"""A class attribute dies with its class or its replacement, whatever has been looked up."""
import gc
import weakref


class Value:
    pass


class A:
    x = Value()


A().x, A.x
ref = weakref.ref(A.x)
A.x = 1
assert ref() is None

A.y = Value()
A().y, A.y
ref = weakref.ref(A.y)
del A.y
assert ref() is None

seen = []


class Watcher:
    def __del__(self):
        seen.append(A.w)


A.w = Watcher()
A.w
A.w = "new"
assert seen == ["new"], seen

# Tuples of values that cannot be part of a cycle are none of the collector's business.
assert not gc.is_tracked(()) and not gc.is_tracked(tuple([1, "a"])) and gc.is_tracked(tuple([[]]))
it = zip([1, []], [2, 3])
next(it)
assert gc.is_tracked(next(it))
