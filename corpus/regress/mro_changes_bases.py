# A metaclass's mro() that assigns __bases__ itself made cycles of bases and of subclasses, which hung or overflowed the stack.
class Meta(type):
    def mro(cls):
        if Meta.ready and cls.__name__ == "B1":
            B2.__bases__ = (B1,)
        if Meta.ready and cls.__name__ == "B2":
            B1.__bases__ = (B2,)
        if Meta.ready and cls.__name__ == "C":
            Meta.ready = False
            C.__bases__ = (B2,)
        return type.mro(cls)


Meta.ready = False


class A(metaclass=Meta):
    pass


class B1(A):
    pass


class B2(A):
    pass


class C(A):
    pass


Meta.ready = True
try:
    B1.__bases__ += ()
except TypeError:
    pass
else:
    raise AssertionError("no cycle was seen")

Meta.ready = True
C.__bases__ = (B1,)
Meta.ready = False
assert C.__bases__ == (B2,), C.__bases__
B1.__bases__ = (C,)
assert B2.__subclasses__() == [C] and C.__subclasses__() == [B1] and B1.__subclasses__() == []


# A class behind an mro() need not be a base: what it changes must be seen all the same.
class Base:
    value = 1


class Strange(type):
    def mro(cls):
        return (cls, Base, object)


class Weird(metaclass=Strange):
    pass


for Base.value in range(1, 4):
    assert Weird.value == Base.value

# Diamonds on diamonds have few classes and very many paths.
class Top:
    x = 0


last = Top
for i in range(40):
    last = type("D", (type("L", (last,), {}), type("R", (last,), {})), {})
for Top.x in range(3):
    assert last.x == Top.x
