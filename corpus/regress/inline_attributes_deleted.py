"""Deleting an attribute of an object and setting it again puts it at the end of the order, whatever the attributes are kept in."""


class A:
    def __init__(self):
        self.a = 1
        self.b = 2
        self.c = 3

    def get(self):
        return self.b


for _ in range(50):
    x = A()
    assert x.get() == 2
    del x.b
    assert not hasattr(x, "b")
    try:
        x.get()
    except AttributeError as e:
        assert e.name == "b"
    else:
        raise AssertionError
    try:
        del x.b
    except AttributeError:
        pass
    else:
        raise AssertionError
    x.b = 4
    assert x.get() == 4
    assert list(vars(x).items()) == [("a", 1), ("c", 3), ("b", 4)]
    x = A()
    del x.a, x.b, x.c
    assert vars(x) == {}
    x.c = 5
    assert vars(x) == {"c": 5}
