"""Conversions and division of big ints, on both sides of the sizes where another algorithm takes over."""
import sys

sys.set_int_max_str_digits(0)
for digits in (18, 19, 20, 640, 5999, 6001, 9000, 9100, 20000):
    n = int("7" * digits)
    assert n == 7 * (10**digits - 1) // 9
    assert str(n) == "7" * digits and str(-n) == "-" + "7" * digits
    assert int("-" + "7" * digits) == -n and int("+7" + "_7" * (digits - 1)) == n
    for m in (1, -3, 10**17 + 1, n >> 40, -(n >> 5000) - 1):
        if m:
            q, r = divmod(n, m)
            assert q * m + r == n and (0 <= r < m or m < r <= 0)
            assert n // m == q and n % m == r
for bad in ("1__0", "_1", "1_", "", "-", "+-1", "12a", "\u0661x"):
    try:
        int(bad)
    except ValueError as e:
        assert str(e) == f"invalid literal for int() with base 10: {bad!r}", e
    else:
        raise AssertionError(bad)
assert int(" \u0661\u0662 ") == 12 and int("0x_f", 0) == 15 and int("0_0", 0) == 0 and int("zz", 36) == 35 * 37
x = -(2**63)
assert x // -1 == 2**63 and x % -1 == 0 and divmod(x, -1) == (2**63, 0) and -7 // 2 == -4 and -7 % 2 == 1 and 7 % -2 == -1
text = "abcde"
assert "%s" % text is text and "{}".format(text) is text and "{0:.10s}".format(text) is text and "%s%s" % ("", text) == text
