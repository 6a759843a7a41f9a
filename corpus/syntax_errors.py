"""Where syntax errors are reported, in characters, and which of several errors wins."""


def error(source, mode="exec"):
    try:
        compile(source, "<test>", mode)
    except SyntaxError as e:
        return type(e).__name__, e.msg, (e.lineno, e.offset), (e.end_lineno, e.end_offset)
    raise AssertionError(source)


CASES = [
    ("é = (a b)", "SyntaxError", "invalid syntax. Perhaps you forgot a comma?", (1, 6), (1, 9)),
    ("f(a for a in b, c)", "SyntaxError", "Generator expression must be parenthesized", (1, 3), (1, 15)),
    ("{1: 2, 3}", "SyntaxError", "':' expected after dictionary key", (1, 8), (1, 0)),
    ("if a:\nb", "IndentationError", "expected an indented block after 'if' statement on line 1", (2, 1), (2, 2)),
    ("if a:\n\tb\n        c", "TabError", "inconsistent use of tabs and spaces in indentation", (3, 1), (3, 0)),
    # A mistake of the tokenizer further on wins over the grammar's generic error ...
    ("a b\n'", "SyntaxError", "unterminated string literal (detected at line 2)", (2, 1), (2, 1)),
    # ... and an open bracket over both.
    ("x = (1,\ny = 2\nz z", "SyntaxError", "'(' was never closed", (1, 5), (1, 0)),
    ("f'{a!x}'", "SyntaxError", "f-string: invalid conversion character 'x': expected 's', 'r', or 'a'", (1, 6), (1, 7)),
]

for source, kind, message, start, end in CASES:
    found = error(source)
    assert found == (kind, message, start, end), (source, found)
