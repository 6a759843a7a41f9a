"""Exceptions: arguments, attributes, texts, pickling and the classes that errno picks."""

import pickle


def raises(kind, text, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except BaseException as e:
        assert type(e) is kind, (type(e), e)
        assert str(e) == text, str(e)
    else:
        assert False, f"{kind.__name__} not raised"


# Arguments are set by __new__ and again by __init__.
assert ValueError.__new__(ValueError, 1, 2, a=3).args == (1, 2)
raises(TypeError, "ValueError() takes no keyword arguments", ValueError, a=1)
e = ValueError(1)
e.__init__(2, 3)
assert e.args == (2, 3) and repr(e) == "ValueError(2, 3)" and str(e) == "(2, 3)"
assert repr(ValueError("x")) == "ValueError('x')" and str(ValueError()) == ""
e.args = "ab"
assert e.args == ("a", "b")
raises(TypeError, "args may not be deleted", delattr, e, "args")
raises(TypeError, "'int' object is not iterable", setattr, e, "args", 5)

# Links to other exceptions.
raises(TypeError, "exception cause must be None or derive from BaseException", setattr, e, "__cause__", 1)
raises(TypeError, "exception context must be None or derive from BaseException", setattr, e, "__context__", 1)
raises(TypeError, "__cause__ may not be deleted", delattr, e, "__cause__")
raises(TypeError, "__traceback__ must be a traceback or None", setattr, e, "__traceback__", 1)
raises(TypeError, "attribute value type must be bool", setattr, e, "__suppress_context__", 1)
raises(TypeError, "can't delete numeric/char attribute", delattr, e, "__suppress_context__")
assert not e.__suppress_context__
e.__cause__ = None
assert e.__suppress_context__

# Notes.
assert not hasattr(e, "__notes__")
e.add_note("first")
e.add_note("second")
assert e.__notes__ == ["first", "second"]
raises(TypeError, "add_note() argument must be str, not int", e.add_note, 1)
e.__notes__ = ()
raises(TypeError, "Cannot add note: __notes__ is not a list", e.add_note, "x")

# Classes with attributes.
assert StopIteration(1, 2).value == 1 and StopIteration().value is None
assert [SystemExit(*a).code for a in [(), (1,), (1, 2)]] == [None, 1, (1, 2)]
assert str(KeyError("a")) == "'a'" and str(KeyError("a", "b")) == "('a', 'b')"


class Both(IndexError, KeyError):
    pass


assert str(Both("a")) == "'a'" and type(KeyError.__new__(Both)) is Both
e = ImportError("m", name="n", path="p")
assert (e.msg, e.name, e.path, e.name_from, e.args) == ("m", "n", "p", None, ("m",))
assert ImportError("a", "b").msg is None
raises(TypeError, "ImportError() got an unexpected keyword argument 'bad'", ModuleNotFoundError, bad=1)
assert e.__reduce__() == (ImportError, ("m",), {"name": "n", "path": "p"})
assert NameError("m", name="n").name == "n"
e = AttributeError("m", name="n", obj=5)
e.extra = 1
assert e.__reduce__() == (AttributeError, ("m",), {"extra": 1, "name": "n", "args": ("m",)})
copy = pickle.loads(pickle.dumps(e))
assert (copy.name, copy.obj, copy.extra, copy.args) == ("n", None, 1, ("m",))


class Mine(ValueError):
    pass


e = Mine(1)
assert e.__reduce__() == (Mine, (1,))
e.a = 1
assert e.__reduce__() == (Mine, (1,), {"a": 1})

# OSError.
e = OSError(2, "no", "file", None, "other")
assert type(e) is FileNotFoundError and e.args == (2, "no") and (e.filename, e.filename2) == ("file", "other")
assert str(e) == "[Errno 2] no: 'file' -> 'other'" and repr(e) == "FileNotFoundError(2, 'no')"
assert e.__reduce__() == (FileNotFoundError, (2, "no", "file", None, "other"))
assert str(OSError(2, "no")) == "[Errno 2] no" and str(OSError("x")) == "x" and OSError(2).errno is None
assert repr(OSError(2, "no", "f", None, "g", 1)) == "OSError(2, 'no', 'f', None, 'g', 1)"
e = BlockingIOError(11, "wait", 3)
assert e.characters_written == 3 and e.filename is None and e.args == (11, "wait", 3)
raises(AttributeError, "characters_written", getattr, OSError(), "characters_written")
raises(ValueError, "cannot fit 'int' into an index-sized integer", BlockingIOError, 2, "x", 1 << 80)


class Init(OSError):
    def __init__(self, a, b):
        self.a = a


e = Init(2, "x")
assert e.args == () and e.errno is None and e.a == 2 and type(e) is Init


class New(OSError):
    def __new__(cls, *args, **kwargs):
        return super().__new__(cls, *args)

    def __init__(self, *args, **kwargs):
        pass


assert New(2, "x", k=1).errno == 2

# SyntaxError.
details = ("dir/f.py", 3, 4, "text", 5, 6)
e = SyntaxError("m", details)
assert (e.filename, e.lineno, e.offset, e.text, e.end_lineno, e.end_offset) == details
assert str(e) == "m (f.py, line 3)" and e.print_file_and_line is None
assert str(SyntaxError("m", (None, 3, 4, "t"))) == "m (line 3)" and str(SyntaxError("m", ("f", True, 4, "t"))) == "m (f)"
assert str(SyntaxError()) == "None"
raises(TypeError, "function takes at least 4 arguments (3 given)", SyntaxError, "m", (1, 2, 3))
raises(TypeError, "function takes at most 7 arguments (8 given)", SyntaxError, "m", (1,) * 8)
raises(TypeError, "end_offset must be provided when end_lineno is provided", SyntaxError, "m", (1, 2, 3, 4, 5))
raises(TypeError, "'int' object is not iterable", SyntaxError, "m", 5)

# Unicode errors.
e = UnicodeEncodeError("enc", "a\xff\u1234\U00012345", 0, 1, "why")
assert str(e) == "'enc' codec can't encode character '\\x61' in position 0: why"
for at, shown in enumerate(["\\x61", "\\xff", "\\u1234", "\\U00012345"]):
    e.start, e.end = at, at + 1
    assert str(e) == f"'enc' codec can't encode character '{shown}' in position {at}: why"
e.start, e.end = -3, 100
assert str(e) == "'enc' codec can't encode characters in position -3-99: why"
assert str(UnicodeDecodeError("enc", b"abc", 1, 2, "why")) == "'enc' codec can't decode byte 0x62 in position 1: why"
assert str(UnicodeDecodeError("enc", bytearray(b"abc"), 1, 3, "why")) == "'enc' codec can't decode bytes in position 1-2: why"
assert str(UnicodeTranslateError("abc", 1, 2, "why")) == "can't translate character '\\x62' in position 1: why"
assert str(UnicodeEncodeError.__new__(UnicodeEncodeError)) == ""
raises(TypeError, "function takes exactly 5 arguments (0 given)", UnicodeEncodeError)
raises(TypeError, "argument 1 must be str, not int", UnicodeEncodeError, 1, 2, 3, 4, 5)
raises(TypeError, "a bytes-like object is required, not 'str'", UnicodeDecodeError, "a", "b", 1, 4, "r")
raises(TypeError, "an integer is required", setattr, e, "start", None)
raises(OverflowError, "Python int too large to convert to C ssize_t", setattr, e, "start", 1 << 80)
e.object = 5
raises(TypeError, "UnicodeError 'object' attribute must be a string", str, e)


# Who is whose context.
def context():
    try:
        try:
            1 / 0
        except ZeroDivisionError:
            {}["k"]
    except KeyError as e:
        return e


e = context()
assert type(e.__context__) is ZeroDivisionError and e.__cause__ is None and not e.__suppress_context__
try:
    try:
        raise ValueError from TypeError
    finally:
        pass
except ValueError as e:
    assert type(e.__cause__) is TypeError and e.__suppress_context__ and e.__context__ is None
