"""Exception groups: making them, taking them apart, and except*."""


def raises(kind, text, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except BaseException as e:
        assert type(e) is kind, (type(e), e)
        assert str(e) == text, str(e)
    else:
        assert False, f"{kind.__name__} not raised"


assert ExceptionGroup.__bases__ == (BaseExceptionGroup, Exception)
assert type(BaseExceptionGroup("m", [ValueError()])) is ExceptionGroup
assert type(BaseExceptionGroup("m", [KeyboardInterrupt()])) is BaseExceptionGroup
raises(TypeError, "BaseExceptionGroup.__new__() takes exactly 2 arguments (1 given)", ExceptionGroup, "m")
raises(TypeError, "BaseExceptionGroup.__new__() argument 1 must be str, not int", ExceptionGroup, 1, [])
raises(TypeError, "second argument (exceptions) must be a sequence", ExceptionGroup, "m", {1})
raises(ValueError, "second argument (exceptions) must be a non-empty sequence", ExceptionGroup, "m", [])
raises(ValueError, "Item 1 of second argument (exceptions) is not an exception", ExceptionGroup, "m", [ValueError(), 1])
raises(TypeError, "Cannot nest BaseExceptions in an ExceptionGroup", ExceptionGroup, "m", [KeyboardInterrupt()])
raises(TypeError, "ExceptionGroup() takes no keyword arguments", ExceptionGroup, "m", [ValueError()], x=1)

items = [ValueError(1), TypeError(2)]
g = ExceptionGroup("m", items)
items.append(3)
assert repr(g) == "ExceptionGroup('m', [ValueError(1), TypeError(2)])"
assert str(g) == "m (2 sub-exceptions)" and str(ExceptionGroup("m", [ValueError()])) == "m (1 sub-exception)"
assert repr(ExceptionGroup("m", (KeyError(),))) == "ExceptionGroup('m', (KeyError(),))"
raises(AttributeError, "readonly attribute", setattr, g, "message", 1)

# split() and subgroup().
nested = ExceptionGroup("outer", [g, KeyError(4)])
nested.add_note("note")
match, rest = nested.split(TypeError)
assert repr(match) == "ExceptionGroup('outer', [ExceptionGroup('m', [TypeError(2)])])"
assert repr(rest) == "ExceptionGroup('outer', [ExceptionGroup('m', [ValueError(1)]), KeyError(4)])"
assert match.__notes__ == ["note"] and match.__notes__ is not nested.__notes__
assert match.exceptions[0].exceptions[0] is g.exceptions[1]
assert nested.split(ExceptionGroup) == (nested, None) and nested.subgroup(OSError) is None
assert nested.subgroup(lambda e: e is g).exceptions == (g,)
text = "expected an exception type, a tuple of exception types, or a callable (other than a class)"
for wrong in [5, [KeyError], (KeyError, 5), int]:
    raises(TypeError, text, nested.split, wrong)


class Derived(ExceptionGroup):
    def derive(self, excs):
        return Derived("derived", excs)


assert repr(Derived("m", [ValueError(), KeyError()]).subgroup(KeyError)) == "Derived('derived', [KeyError()])"


class Wrong(ExceptionGroup):
    def derive(self, excs):
        return 42


raises(TypeError, "derive must return an instance of BaseExceptionGroup", Wrong("m", [ValueError(), KeyError()]).split, KeyError)


# except*
def star(raised):
    seen = []
    try:
        try:
            raise raised
        except* ValueError as e:
            seen.append(repr(e))
        except* (TypeError, OSError) as e:
            seen.append(repr(e))
            raise
    except BaseException as e:
        return seen, repr(e)
    return seen, None


assert star(ValueError(1)) == (["ExceptionGroup('', (ValueError(1),))"], None)
assert star(KeyError(1)) == ([], "KeyError(1)")
assert star(g) == (
    ["ExceptionGroup('m', [ValueError(1)])", "ExceptionGroup('m', [TypeError(2)])"],
    "ExceptionGroup('m', [TypeError(2)])",
)
assert star(nested) == (
    ["ExceptionGroup('outer', [ExceptionGroup('m', [ValueError(1)])])", "ExceptionGroup('outer', [ExceptionGroup('m', [TypeError(2)])])"],
    "ExceptionGroup('outer', [ExceptionGroup('m', [TypeError(2)]), KeyError(4)])",
)

try:
    try:
        raise ExceptionGroup("a", [ValueError(1), TypeError(2)])
    except* ValueError:
        raise KeyError("new")
    except* TypeError:
        raise OSError("other")
except ExceptionGroup as e:
    assert [type(x) for x in e.exceptions] == [KeyError, OSError] and e.message == ""

try:
    try:
        raise ValueError
    except* ExceptionGroup:
        pass
except TypeError as e:
    assert str(e) == "catching ExceptionGroup with except* is not allowed. Use except instead."
