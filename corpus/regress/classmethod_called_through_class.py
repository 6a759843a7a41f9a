# A class method called on a class is called without a bound method between; whatever may stand in the way of that still does.


class Meta(type):
    @property
    def shadowed(cls):
        return lambda *args: ("meta", cls.__name__, args)


class Base:
    @classmethod
    def make(cls, *args, **kwargs):
        return cls.__name__, args, kwargs

    @classmethod
    def shadowed(cls, *args):
        return "class", cls.__name__, args

    absolute = classmethod(abs)
    nothing = classmethod(None)


class Derived(Base):
    pass


class WithMeta(Base, metaclass=Meta):
    pass


def call(cls):
    return cls.make(1, 2), cls.make(x=3), cls.make(*(4,), **{"y": 5}), cls.shadowed(6)


for _ in range(50):
    assert call(Base) == (("Base", (1, 2), {}), ("Base", (), {"x": 3}), ("Base", (4,), {"y": 5}), ("class", "Base", (6,)))
    assert call(Derived)[0] == ("Derived", (1, 2), {})
    assert call(WithMeta)[0] == ("WithMeta", (1, 2), {})
    assert call(WithMeta)[3] == ("meta", "WithMeta", (6,))

assert call(Derived)[3] == ("class", "Derived", (6,))
Derived.make = lambda *args, **kwargs: "replaced"
assert call(Derived)[0] == "replaced"
del Derived.make
assert call(Derived)[0] == ("Derived", (1, 2), {})


def error(function):
    try:
        function()
    except TypeError as e:
        return str(e)


class One:
    @classmethod
    def one(cls, a):
        return a


for _ in range(20):
    assert error(lambda: One.one()) == "One.one() missing 1 required positional argument: 'a'"
    assert error(lambda: One.one(1, 2)) == "One.one() takes 2 positional arguments but 3 were given"
    assert error(lambda: Base.absolute()) == "bad operand type for abs(): 'type'"
    assert error(lambda: Base.nothing()) == "'NoneType' object is not callable"


# A closure gets its cells anew in each call, in generators, too.
def closures():
    a, b, c = [1], [2], [3]

    def read(x):
        return a, b, c, x

    def each():
        yield a
        yield from (b, c)

    return read, each


read, each = closures()
for i in range(30):
    assert read(i) == ([1], [2], [3], i)
    assert list(each()) == [[1], [2], [3]]
