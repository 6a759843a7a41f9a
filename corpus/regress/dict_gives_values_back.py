# An object's attributes move between its tail and its dict, and must be the same wherever they are.
class C:
    def __init__(self):
        self.a = 1
        self.b = 2
        self.c = 3


def read(o):
    return o.a, o.b, o.c


for keep in False, True:
    o = C()
    d = o.__dict__
    if not keep:
        del d
    for _ in range(100):
        assert read(o) == (1, 2, 3)
    if keep:
        assert o.__dict__ is d
        d["a"] = 5
        assert read(o) == (5, 2, 3)
    del o.b
    o.b = 7
    assert list(o.__dict__) == ["a", "c", "b"], list(o.__dict__)
    o.__dict__["zz"] = 1
    o.__dict__[3] = 4
    for _ in range(100):
        assert read(o) == ((5 if keep else 1), 7, 3)
    assert list(o.__dict__) == ["a", "c", "b", "zz", 3]


# Another class may have its names in another order.
class Other(C):
    pass


o = C()
o.__dict__
o.__class__ = Other
for _ in range(100):
    assert read(o) == (1, 2, 3)
o.x = 1
assert list(vars(o)) == ["a", "b", "c", "x"]
