# An operand that is missing at the end of nested parentheses is looked for once, not once a level.
import time

begin = time.monotonic()
for unit in ("a*(b-", "a*(r-r-c*f*fp*", "a**(b-c*", "a<(b-c*", "a|(b^c&d<<e-f*"):
    for end in ("x f", "x", "1_", ")"):
        try:
            compile(unit * 60 + end, "nested", "exec")
        except SyntaxError:
            pass
        else:
            raise AssertionError(unit)
assert time.monotonic() - begin < 60
