"""What the compiler computes itself, and where it stops."""


def folded(source):
    """The one constant that an expression became, or None when code is left."""
    code = compile(source, "f", "eval")
    ops = code.co_code[2::2]
    if len(code.co_code) != 6:
        return None
    return repr(eval(code))


def left(source):
    return len(compile(source, "f", "eval").co_code) > 6


for source, value in {
    "1 + 2 * 3": "7", "-7 // 2": "-4", "7 % -2": "-1", "2 ** 60": "1152921504606846976", "1 << 100": str(1 << 100),
    "2 ** -1": "0.5", "1 / 3": "0.3333333333333333", "-0.0": "-0.0", "1.0 // -0.1": "-10.0", "(-8) ** 0.5": "(1.7319121124709868e-16+2.8284271247461903j)",
    "1 - 2j": "(1-2j)", "-0j": "(-0-0j)", "1j ** 2": "(-1+0j)", "True & False": "False", "True + True": "2", "not 1": "False", "~5": "-6",
    "'ab' * 3": "'ababab'", "'a' 'b' + 'c'": "'abc'", "b'a' * 2": "b'aa'", "(1, 2) + (3,)": "(1, 2, 3)", "(1, 2) * 2": "(1, 2, 1, 2)",
    "'abcde'[1:3]": "'bc'", "'abc'[::2]": "'ac'", "(1, 2, 3)[-1]": "3", "b'abc'[1]": "98",
}.items():
    assert folded(source) == value, (source, folded(source))

# What raises, warns, or would make large constants stays code.
for source in [
    "1 / 0", "0 ** -1", "1 << -1", "'a' + 1", "'abc'[3]", "'%s' % 1 % 2", "~True", "2 ** 128", "1 << 128", "'a' * 4097", "(1,) * 257",
    "'abc'[::0]", "1 @ 2", "10.0 ** 400", "1e300j ** 2",
]:
    assert left(source), source

# Displays that are only searched or iterated over become constants, long ones too.
assert compile("x in [1, 2, 3]", "f", "eval").co_consts[-1] == (1, 2, 3)
assert compile("x in {1, 2, 3}", "f", "eval").co_consts[-1] == frozenset([1, 2, 3])
numbers = ", ".join(map(str, range(300, 340)))
assert compile(f"x in [{numbers}]", "f", "eval").co_consts[-1] == tuple(range(300, 340))
assert compile(f"x in {{{numbers}}}", "f", "eval").co_consts[-1] == frozenset(range(300, 340))

# Equal constants of different types or signs do not share an entry.
consts = compile("f(300.0, 300, 0.0, -0.0, 0j, -0.0j, (300,), (300.0,))", "f", "eval").co_consts
assert len(set(map(repr, consts))) == len(consts)
