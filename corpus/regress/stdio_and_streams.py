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


# A subclass of a buffered stream is made by object.__new__ when old protocols of pickle build it.
import copyreg
import pickle


class Tagged(io.BufferedReader):
    def __init__(self, raw, tag):
        super().__init__(raw)
        self.tag = tag

    def __getstate__(self):
        return self.tag, self.raw.getvalue()

    def __setstate__(self, state):
        self.__init__(io.BytesIO(state[1]), state[0])


assert "__new__" not in vars(io.BufferedReader) and io.BufferedReader.__new__ is object.__new__
tagged = Tagged(io.BytesIO(b"data"), "tag")
for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
    again = pickle.loads(pickle.dumps(tagged, protocol))
    assert (again.tag, again.raw.getvalue()) == ("tag", b"data")
