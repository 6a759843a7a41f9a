# What text streams do at their edges.
import codecs
import io
import sys

for name in ("utf-8\0", "locale\0"):
    for use in (codecs.lookup, "a".encode, lambda n: io.TextIOWrapper(io.BytesIO(), n)):
        try:
            use(name)
        except ValueError:
            pass
        else:
            raise AssertionError(name)

text = io.TextIOWrapper(io.BytesIO(), "ascii", "replace")
text.detach()
assert text.encoding == "ascii" and text.errors == "replace"


class Nested(io.RawIOBase):
    stack = []

    def writable(self):
        return True

    def write(self, data):
        first = not self.stack
        self.stack.append(bytes(data))
        if first:
            out.write("middle")
        return len(data)


raw = Nested()
out = io.TextIOWrapper(raw, "ascii")
out.write("abc")
out.write("g" * 8192)
out.flush()
assert raw.stack == [b"abc", b"middle", b"g" * 8192], raw.stack

stream = io.StringIO()
stream.__setstate__((None, "", 0, {}))
assert stream.getvalue() == ""

old = sys.getdlopenflags()
sys.setdlopenflags(old + 1)
assert sys.getdlopenflags() == old + 1
sys.setdlopenflags(old)
