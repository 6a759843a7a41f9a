"""Compares matches with the reference's: those of test/re_tests.py, and of random patterns.

    python3.14 vm/sre/verify.py target/fast/examples/spans [how many random patterns] [seed]
"""

import random
import re
import subprocess
import sys
import warnings
from re import _compiler, _parser

warnings.simplefilter("ignore")
MODES = ["match", "fullmatch", "search", "findall"]


def code_of(pattern, flags):
    parsed = _parser.parse(pattern, flags)
    return _compiler._code(parsed, flags), parsed.state.groups - 1


def describe(match):
    return " ".join(f"{a},{b}" for a, b in match.regs) + f" {match.lastindex}"


def expected(mode, compiled, subject, pos, endpos):
    if mode == "findall":
        found = list(compiled.finditer(subject, pos, endpos))
    else:
        found = [m] if (m := getattr(compiled, mode)(subject, pos, endpos)) else []
    return ";".join(map(describe, found)) or "-"


def questions(pattern, subject, flags, rng=None):
    """(line, answer, what it is) for each way to match."""
    try:
        compiled = re.compile(pattern, flags)
        code, groups = code_of(pattern, flags)
    except (re.PatternError, OverflowError, RecursionError, ValueError):
        return
    points = list(subject) if isinstance(subject, bytes) else list(map(ord, subject))
    top = max(points, default=0)
    width = 1 if top < 256 else 2 if top < 0x10000 else 4
    for mode in MODES:
        pos, endpos = 0, len(points)
        if rng and rng.random() < 0.3:
            pos, endpos = rng.randrange(len(points) + 1), rng.randrange(len(points) + 2)
        answer = expected(mode, compiled, subject, pos, endpos)
        head = f"{mode} {pos} {endpos} {width} {groups}"
        line = f"{head}|{' '.join(f'{word:d}' for word in code)}|{' '.join(map(str, points))}"
        yield line, answer, (pattern, subject, flags, mode, pos, endpos)


class Patterns:
    """Random patterns, rich in groups, repeats and look-around."""

    letters = list("aaabbbcAB_ 1\n") + ["\u00e9", "\u00c9", "\u00df", "\u03c3", "\u03c2", "\u0130", "\u017f", "s", "K",
                                         "\u212a", "\U00010400", "\U00010428", "."]

    def __init__(self, rng, narrow):
        self.rng, self.groups = rng, 0
        self.alphabet = [c for c in self.letters if ord(c) < 128] if narrow else self.letters
        self.alphabet = rng.sample(self.alphabet, rng.randrange(2, 7)) + ["a", "b"]

    def literal(self):
        return re.escape(self.rng.choice(self.alphabet))

    def member(self):
        kind = self.rng.randrange(6)
        if kind == 0:
            a, b = sorted(self.rng.choices(self.alphabet, k=2))
            return f"{re.escape(a)}-{re.escape(b)}"
        if kind == 1:
            return self.rng.choice([r"\d", r"\w", r"\s", r"\D", r"\W", r"\S"])
        return self.literal()

    def atom(self, depth):
        rng = self.rng
        kind = rng.randrange(22 if depth else 9)
        if kind < 5:
            return self.literal()
        if kind == 5:
            return rng.choice([".", r"\w", r"\d", r"\s", r"\W"])
        if kind == 6:
            return f"[{rng.choice(['', '', '^'])}{''.join(self.member() for _ in range(rng.randrange(1, 5)))}]"
        if kind == 7:
            return rng.choice(["^", "$", r"\b", r"\B", r"\A", r"\Z"])
        if kind == 8:
            return rf"\{rng.randrange(1, self.groups + 1)}" if self.groups else self.literal()
        if kind < 15:
            self.groups += 1
            return f"({self.branch(depth - 1)})"
        if kind == 15:
            return f"(?>{self.branch(depth - 1)})"
        if kind == 16:
            return f"(?{rng.choice(['=', '!'])}{self.branch(depth - 1)})"
        if kind == 17:
            return f"(?<{rng.choice(['=', '!'])}{''.join(self.literal() for _ in range(rng.randrange(1, 3)))})"
        if kind == 18 and self.groups:
            group = rng.randrange(1, self.groups + 1)
            return f"(?({group}){self.sequence(depth - 1)}{rng.choice(['', '|' + self.sequence(depth - 1)])})"
        if kind == 19:
            return f"(?{rng.choice(['i', 's', 'm', '-i', 'i-s'])}:{self.branch(depth - 1)})"
        return f"(?:{self.branch(depth - 1)})"

    def piece(self, depth):
        atom = self.atom(depth)
        if self.rng.random() < 0.4:
            bounds = self.rng.choice(["*", "+", "?", "{2}", "{1,2}", "{0,2}", "{2,}", "*", "+"])
            atom += bounds + self.rng.choice(["", "", "?", "+"])
        return atom

    def sequence(self, depth):
        return "".join(self.piece(depth) for _ in range(self.rng.randrange(1, 4)))

    def branch(self, depth):
        alternatives = [self.sequence(depth) for _ in range(self.rng.choice([1, 1, 2, 3]))]
        if self.rng.random() < 0.1:
            alternatives.append("")
        return "|".join(alternatives)

    def subject(self):
        return "".join(self.rng.choices(self.alphabet, k=self.rng.randrange(0, 9)))


def from_suite():
    from test.re_tests import tests
    for pattern, subject, *_ in tests:
        for flags in 0, re.I, re.M, re.S, re.X, re.A:
            yield from questions(pattern, subject, flags)
            if pattern.isascii() and subject.isascii():
                yield from questions(pattern.encode(), subject.encode(), flags)
                yield from questions(pattern.encode(), subject.encode(), flags & ~re.A | re.L)


def from_chance(count, seed):
    for i in range(count):
        rng = random.Random(f"{seed} {i}")
        narrow = rng.random() < 0.3
        patterns = Patterns(rng, narrow)
        pattern = patterns.branch(rng.randrange(4))
        flags = rng.choice([0, 0, re.I, re.I, re.M, re.S, re.A, re.I | re.A])
        for _ in range(2):
            subject = patterns.subject()
            yield from questions(pattern, subject, flags, rng)
            if narrow:
                flags = flags & ~re.A | rng.choice([0, re.L])
                yield from questions(pattern.encode(), subject.encode(), flags, rng)


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
    asked = [*from_suite(), *from_chance(count, sys.argv[3] if len(sys.argv) > 3 else "1")]
    text = "".join(line + "\n" for line, *_ in asked)
    ours = subprocess.run([sys.argv[1]], input=text, capture_output=True, text=True)
    answers = ours.stdout.split("\n")[:-1]
    wrong = [(what, a, b) for (_, b, what), a in zip(asked, answers) if a != b]
    print(f"{len(asked)} asked, {len(answers)} answered, {len(wrong)} wrong", ours.stderr[-500:])
    for what, a, b in sorted(wrong, key=lambda w: len(w[0][0]))[:15]:
        print(f"  {what}\n    {a}\n    {b} expected")
    sys.exit(bool(wrong) or len(answers) != len(asked))


if __name__ == "__main__":
    main()
