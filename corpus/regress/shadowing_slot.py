# A slot's descriptor under a class that has another one at its place: the specialised access read and wrote that other slot.
class Class:
    __slots__ = ("slot",)


class Sneaky:
    __slots__ = ("shadowed",)
    shadowing = Class.slot


def load(o):
    return o.shadowing


def store(o):
    o.shadowing = 42


o = Sneaky()
o.shadowed = 1
for function in load, store:
    for _ in range(100):
        try:
            function(o)
        except TypeError:
            pass
        else:
            raise AssertionError(function.__name__)
assert o.shadowed == 1


# Slots of the same names in another order of classes are another layout.
class G:
    __slots__ = ["a"]


class H:
    __slots__ = ["b"]


class L(G):
    __slots__ = ["b"]


class M(H):
    __slots__ = ["a"]


try:
    L().__class__ = M
except TypeError:
    pass
else:
    raise AssertionError("other layout")


# A class's dict cannot be set by the descriptor of an ordinary class.
class Plain:
    pass


class Meta(type, Plain):
    pass


class D(metaclass=Meta):
    pass


for call in (lambda: Plain.__dict__["__dict__"].__set__(D, {}), lambda: setattr(D, "__dict__", {})):
    try:
        call()
    except (AttributeError, TypeError):
        pass
    else:
        raise AssertionError("a class's dict was set")
