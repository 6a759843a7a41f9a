"""Members of a union that cannot be hashed are compared among each other only, and make it unhashable for ever."""


class Meta(type):
    hashable = False

    def __hash__(self):
        if not Meta.hashable:
            raise TypeError("not hashable")
        return 1


class A(metaclass=Meta):
    pass


class B(metaclass=Meta):
    pass


class BadMeta(type):
    def __eq__(self, other):
        return 1 / 0


Bad = BadMeta("Bad", (), {})
assert (int | Bad).__args__ == (int, Bad)
assert (A | B | A).__args__ == (A, B) and (A | B) == (B | A)
for text in ["not hashable", "union contains 2 unhashable elements"]:
    union = A | B if not Meta.hashable else union
    try:
        hash(union)
    except TypeError as e:
        assert str(e) == text, e
    else:
        raise AssertionError("TypeError not raised")
    Meta.hashable = True
assert hash(int | str) == hash(str | int) and {int | str: 1}[str | int] == 1
