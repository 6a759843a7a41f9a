# repr() of texts of all widths: every character once, and runs that cross the pieces in which they are shown.
import ast

for last in 0x7f, 0xff, 0xffff, 0x10ffff:
    for step in 1, 7, 251:
        text = "".join(map(chr, range(0, last + 1, step)))
        shown = repr(text)
        assert ast.literal_eval(shown) == text
        assert shown.isprintable()
assert repr("\t\n\r\\\x00\x1f\x7f\x80\xa0\xad\xe9\u2028\u6f22\ud800\U0001f600\U000e0001") == (
    r"'\t\n\r\\\x00\x1f\x7f\x80\xa0\xadé\u2028漢\ud800" + "\U0001f600" + r"\U000e0001'"
)
for rest in "", "\xe9", "\u6f22", "\U0001f600":
    assert repr("it's" + rest) == '"it\'s' + rest + '"'
    assert repr('a "b"' + rest) == "'a \"b\"" + rest + "'"
    assert repr("it's \"b\"" + rest) == "'it\\'s \"b\"" + rest + "'"
    for n in 62, 63, 64, 65, 127, 128, 129:
        assert repr("\\" * n + rest) == "'" + "\\" * (2 * n) + rest + "'"
        assert repr("\x01" * n + rest) == "'" + "\\x01" * n + rest + "'"
        assert repr("a" * n + "\n" + rest) == "'" + "a" * n + "\\n" + rest + "'"
