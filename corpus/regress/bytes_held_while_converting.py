# A bytearray cannot be resized while an argument of its search methods or of % is converted; other reentrant changes are seen.
class Clearing:
    def __init__(self, array):
        self.array = array

    def __buffer__(self, flags):
        self.array.clear()
        return memoryview(self.array)

    def __index__(self):
        self.array.clear()
        return 65

    def __repr__(self):
        self.array.clear()
        return "x"


for use in ("find", "count", "rindex", "split", "__contains__", "__mod__"):
    array = bytearray(b"A%a")
    try:
        getattr(array, use)(Clearing(array))
    except BufferError:
        pass
    else:
        raise AssertionError(use)


class Growing:
    def __buffer__(self, flags):
        grown.extend(b"yy")
        return memoryview(b"AB")


grown = bytearray(b"x")
grown.extend(Growing())
assert grown == b"xAByy", grown


class Item:
    def __buffer__(self, flags):
        items.clear()
        return memoryview(b"x")


items = [b"a", Item(), b"c"]
try:
    b"".join(items)
except RuntimeError:
    pass
else:
    raise AssertionError

held = bytearray(10)
with memoryview(held):
    try:
        held[1:-1:2] = b""
    except BufferError:
        pass
    else:
        raise AssertionError
held[1:-1:2] = b""
assert len(held) == 6

filled = bytearray()


def numbers():
    for i in range(1, 5):
        yield i
        assert list(filled) == list(range(1, i + 1))


filled.__init__(numbers())
assert list(filled) == [1, 2, 3, 4]
