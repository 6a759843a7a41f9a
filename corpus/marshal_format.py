"""The marshal format: what is written by version, what is read back, and how faulty data is refused."""
import marshal

# Fresh objects, so that no version 3+ reference flag depends on the interpreter's own references.
ROUND_TRIP = [
    None, True, False, ..., StopIteration, 0, -1, 2**31 - 1, -2**31, 2**31, 2**62, -2**100, 10**40, 0.0, -0.0, 1.5, 1e300, float("inf"),
    2j, complex(-0.0, 1.5), "", "a", "é", "\ud800", "x" * 300, b"", b"ab", (), (1, "a", (2.5,)), [1, [2]], {1: 2, "k": [3]},
    {1, 2}, frozenset([3, "a"]), tuple(range(300)),
]
for value in ROUND_TRIP:
    for version in range(6):
        again = marshal.loads(marshal.dumps(value, version))
        assert type(again) is type(value) and again == value and repr(again) == repr(value) or isinstance(value, (set, frozenset)), (value, version)

assert marshal.loads(marshal.dumps(slice(1, None, "x"))) == slice(1, None, "x")
for version in range(5):
    try:
        marshal.dumps(slice(1), version)
    except ValueError as e:
        assert str(e) == "unmarshallable object"
    else:
        raise AssertionError(version)

# Sharing and cycles survive from version 3 on.
inner = [1]
again = marshal.loads(marshal.dumps([inner, inner]))
assert again[0] is again[1]
again = marshal.loads(marshal.dumps([inner, inner], 2))
assert again[0] is not again[1]
cycle = []
cycle.append(cycle)
again = marshal.loads(marshal.dumps(cycle))
assert again[0] is again
again = marshal.loads(b"\xa9\x01r\0\0\0\0")
assert type(again) is tuple and again[0] is again


def fault(data, error, message):
    try:
        marshal.loads(data)
    except error as e:
        assert type(e) is error and str(e) == message, (data, e)
    else:
        raise AssertionError(data)


fault(b"", EOFError, "EOF read where object expected")
fault(b"[", EOFError, "marshal data too short")
fault(b"l\xff\xff\xff\x7f", EOFError, "marshal data too short")
fault(b"(\xff\xff\xff\xff", ValueError, "bad marshal data (tuple size out of range)")
fault(b"[\xff\xff\xff\xff", ValueError, "bad marshal data (list size out of range)")
fault(b"<\xff\xff\xff\xff", ValueError, "bad marshal data (set size out of range)")
fault(b"s\xff\xff\xff\xff", ValueError, "bad marshal data (bytes object size out of range)")
fault(b"u\xff\xff\xff\xff", ValueError, "bad marshal data (string size out of range)")
fault(b"l\0\0\0\x80", ValueError, "bad marshal data (long size out of range)")
fault(b"l\x01\0\0\0\0\0", ValueError, "bad marshal data (unnormalized long data)")
fault(b"l\x01\0\0\0\xff\xff", ValueError, "bad marshal data (digit out of range in long)")
fault(b"r\0\0\0\0", ValueError, "bad marshal data (invalid reference)")
fault(b"\xbe\x01\0\0\0r\0\0\0\0", ValueError, "bad marshal data (invalid reference)")
fault(b"q", ValueError, "bad marshal data (unknown type code)")
fault(b"0", TypeError, "NULL object in marshal data for object")
fault(b")\x010", TypeError, "NULL object in marshal data for tuple")
fault(b"[\x01\0\0\x000", TypeError, "NULL object in marshal data for list")
fault(b"<\x01\0\0\x000", TypeError, "NULL object in marshal data for set")
fault(b"c" + bytes(20) + b"0", TypeError, "NULL object in marshal data for code object")
fault(b")\x01" * 2001, ValueError, "recursion limit exceeded")
fault(b"f\x03abc", ValueError, "could not convert string to float: 'abc'")

deep = ()
for _ in range(2001):
    deep = (deep,)
try:
    marshal.dumps(deep)
except ValueError as e:
    assert str(e) == "object too deeply nested to marshal"
else:
    raise AssertionError

code = compile("x = 1", "f", "exec")
for refuse in (lambda: marshal.dumps(code, allow_code=False), lambda: marshal.loads(marshal.dumps(code), allow_code=False)):
    try:
        refuse()
    except ValueError as e:
        assert str(e).endswith("marshalling code objects is disallowed")
    else:
        raise AssertionError
assert marshal.loads(marshal.dumps(code)) == code
