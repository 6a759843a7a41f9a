# Anonymous maps and maps of files: items, slices, reading and writing, buffers, errors.
import mmap
import os
import tempfile

m = mmap.mmap(-1, 64)
assert len(m) == 64 and m[0] == 0 and m[:2] == b"\0\0"
m[0:5] = b"hello"
m[::-16] = b"abcd"
assert m[63] == 97 and m.find(b"llo") == 2 and m.rfind(b"l") == 3 and b"h" in m and 104 not in m
assert m.read(5) == b"hello" and m.tell() == 5 and m.seek(-1, 2) == 63 and m.read_byte() == 97
m.move(10, 0, 5)
assert m[10:15] == b"hello"
view = memoryview(m)
for call in (m.close, lambda: m.resize(1)):
    try:
        call()
    except BufferError:
        pass
    else:
        raise AssertionError
view.release()
m.close()
m.close()
assert repr(m) == "<mmap.mmap closed=True>"
try:
    m[0]
except ValueError:
    pass
else:
    raise AssertionError

with tempfile.TemporaryFile() as f:
    f.write(b"abc\ndef")
    f.flush()
    with mmap.mmap(f.fileno(), 0) as m:
        assert m.readline() == b"abc\n" and m.readline() == b"def" and m.readline() == b""
        m[0] = 120
        m.resize(20)
        assert m.size() == len(m) == 20 and m.flush() is None
    assert os.pread(f.fileno(), 20, 0) == b"xbc\ndef" + bytes(13)
    with mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as m:
        assert memoryview(m).readonly
        try:
            m[0] = 1
        except TypeError:
            pass
        else:
            raise AssertionError
