# __release_buffer__ written in Python hears of the end of a native exporter's buffer, and cannot keep the view that it is shown.
kept = []


class Heard(bytearray):
    def __release_buffer__(self, view):
        assert view.obj is None and view.tobytes() == b"hello"
        for make in (memoryview, lambda v: v.cast("b"), lambda v: v[:1], lambda v: v.__buffer__(0)):
            try:
                make(view)
            except ValueError:
                pass
            else:
                raise AssertionError("a view of a restricted view")
        kept.append(view)
        super().__release_buffer__(view)


heard = Heard(b"hello")
with memoryview(heard) as view:
    assert view.obj is heard
heard.clear()
try:
    kept[0].tobytes()
except ValueError:
    pass
else:
    raise AssertionError("the view outlived the call")

plain = bytearray(b"x")
for wrong in (1, memoryview(b"z")):
    try:
        plain.__release_buffer__(wrong)
    except (TypeError, ValueError):
        pass
    else:
        raise AssertionError(wrong)
plain.__release_buffer__(memoryview(plain))
assert not hasattr(bytes, "__release_buffer__")

# Items of any format can be cast to bytes.
import struct

try:
    b"a".__buffer__(1 << 31)
except OverflowError:
    pass
else:
    raise AssertionError
try:
    memoryview(bytearray(8)).cast("d")[0] = 1 << 1100
except ValueError:
    pass
else:
    raise AssertionError
