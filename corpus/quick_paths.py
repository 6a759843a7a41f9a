"""What the evaluator and the containers do in quick ways gives what the general ways give: sets, bindings of arguments, splitting, joining."""

s = {1, "a", 2.5, ("t",)}
t = {"a", (1,), 2.5}
assert s & t == {"a", 2.5} and s | t == {1, "a", 2.5, ("t",), (1,)} and s - t == {1, ("t",)} and s ^ t == {1, ("t",), (1,)}
u = set()
for i in range(-5, 300):
    u.add(i)
    u.add(i)
for i in range(-5, 300, 2):
    u.discard(i)
assert sorted(u) == list(range(-4, 300, 2)) and 0 in u and -1 not in u
u.add(-1)
u.add(0)
assert -1 in u and len(u) == 153


def f(a, /, b=2, *, c=3, d):
    return a, b, c, d


assert f(1, d=4) == (1, 2, 3, 4) and f(1, c=5, d=6, b=7) == (1, 7, 5, 6)
for bad in (lambda: f(1), lambda: f(a=1, d=2), lambda: f(1, 2, 3, d=4), lambda: f(1, b=2, e=3, d=4), lambda: f(1, 2, b=3, d=4)):
    try:
        bad()
    except TypeError:
        pass
    else:
        raise AssertionError
assert " a  b\tc\x85d ".split() == ["a", "b", "c", "d"] and "a,b,,c".split(",", 2) == ["a", "b", ",c"] and "".split() == [] and "".split(",") == [""]
assert "x\xa0".strip() == "x" and " \x1f".strip() == "" and "-".join(["a", "\u20ac", "\xe9"]) == "a-\u20ac-\xe9"
assert "\u20ac".join(["a"]) == "a" and "".join([]) == "" and "".join(["", "a", ""]) == "a" and ",".join(["", ""]) == ","


class Namespace(dict):
    def __missing__(self, name):
        return name.upper()


exec("assert missing == 'MISSING'\nmissing = 1\nassert missing == 1", {}, Namespace())
spaces = {}
exec("x = 0\nfor c in 'abc': x = x + 1; y = c\ndel y\ntry:\n    y\nexcept NameError as e:\n    z = e.name", spaces)
assert (spaces["x"], spaces["z"], "y" in spaces) == (3, "y", False)


class Truth:
    def __bool__(self):
        raise ZeroDivisionError

    def __contains__(self, item):
        raise ZeroDivisionError


for i in range(20):
    for test in (lambda: not Truth(), lambda: 1 in Truth(), lambda: iter(1), lambda: {x for x in [[]]}, lambda: {x: 1 for x in [[]]}):
        try:
            test()
        except (ZeroDivisionError, TypeError):
            pass
        else:
            raise AssertionError

try:
    try:
        raise KeyError(1)
    except (ValueError, LookupError) as e:
        assert e.__context__ is None
        raise ValueError from None
except ValueError as e:
    assert type(e.__context__) is KeyError and e.__cause__ is None
