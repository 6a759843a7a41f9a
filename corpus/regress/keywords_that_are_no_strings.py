"""Nodes of a tree look at their keywords themselves, whatever those are; other callables take strings alone."""
import ast
import warnings


class Name:
    """Equal to a string without being one."""

    def __init__(self, text):
        self.text = text

    def __hash__(self):
        return hash(self.text)

    def __eq__(self, other):
        return isinstance(other, str) and other == self.text


def message(function, **_):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            function()
        except TypeError as e:
            return str(e)


assert message(lambda: ast.Name(**{1: 2})) == "attribute name must be string, not 'int'"
assert message(lambda: ast.Name("x", **{Name("id"): 1})).startswith("Name got multiple values for argument <")
assert message(lambda: ast.Name("x").__replace__(**{1: 2})) == "Name.__replace__ got an unexpected keyword argument 1."
assert message(lambda: int(**{1: 2})) == "keywords must be strings"
assert message(lambda: (lambda **k: k)(**{1: 2})) == "keywords must be strings"

# Names are normalized by what `unicodedata` has under that name.
import unicodedata
original = unicodedata.normalize
unicodedata.normalize = lambda form, text: None
try:
    assert message(lambda: ast.parse("\u03d5")) == "unicodedata.normalize() must return a string, not NoneType"
    unicodedata.normalize = lambda form, text: "other"
    assert ast.parse("\u03d5 = 1").body[0].targets[0].id == "other"
finally:
    unicodedata.normalize = original

# A module that is imported again after it was dropped is another object.
import sys
import errno
first = sys.modules.pop("errno")
import errno
assert errno is not first and errno.ENOENT == first.ENOENT
