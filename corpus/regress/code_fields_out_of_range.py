# Fields of code objects that are out of range are refused with their name.
import marshal

code = compile("x = 1", "fields", "exec")
for name in ("argcount", "posonlyargcount", "kwonlyargcount", "stacksize", "firstlineno", "nlocals", "flags"):
    for value, kind, message in (
        (-1, ValueError, f"co_{name} must be a positive integer"),
        (2**31, OverflowError, "Python int too large to convert to C int"),
    ):
        try:
            code.replace(**{f"co_{name}": value})
        except kind as e:
            assert str(e) == message, e
        else:
            raise AssertionError(name)
try:
    code.replace(co_consts=1)
except TypeError as e:
    assert str(e) == "replace() argument 'co_consts' must be tuple, not int", e
try:
    code.replace(co_flags=4)
except ValueError as e:
    assert str(e) == "code: co_varnames is too small", e

# Numbers in marshal data, each four bytes behind the type: arguments of three kinds, stack size, flags.
data = marshal.dumps(code)
for at in (1, 5, 9, 13, 17):
    broken = bytearray(data)
    broken[at + 3] = 0x80
    try:
        marshal.loads(broken)
    except (ValueError, SystemError):
        pass
    else:
        raise AssertionError(at)
