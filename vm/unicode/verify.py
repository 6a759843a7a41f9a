"""Compares every property of every code point, names and normalization with the reference.

    python3.14 vm/unicode/verify.py target/fast/examples/properties
"""

import _sre
import random
import struct
import subprocess
import sys
import unicodedata as new

PROGRAM = sys.argv[1]
CODES = range(0x110000)
old = new.ucd_3_2_0


def codes(text):
    return " ".join(f"{ord(c):X}" for c in text)


def flag(value):
    return "1" if value else "0"


def number(value):
    return "-" if value is None else str(value)


def numeric(value):
    return "-" if value is None else struct.pack(">d", value).hex()


def cased(s):
    return (s + "A").title()[-1] == "a"


def case_ignorable(s):
    return ("1" + s + "\u03a3").lower()[-1] == "\u03c3" if cased(s) else ("A" + s + "\u03a3").lower()[-1] == "\u03c2"


PROPERTIES = {
    "is_alpha": lambda s: flag(s.isalpha()),
    "is_decimal": lambda s: flag(s.isdecimal()),
    "is_digit": lambda s: flag(s.isdigit()),
    "is_numeric": lambda s: flag(s.isnumeric()),
    "is_alnum": lambda s: flag(s.isalnum()),
    "is_space": lambda s: flag(s.isspace()),
    "is_linebreak": lambda s: flag(len(f"a{s}b".splitlines()) == 2),
    "is_upper": lambda s: flag(s.isupper()),
    "is_lower": lambda s: flag(s.islower()),
    "is_title": lambda s: flag(s.istitle() and not s.isupper()),
    "is_cased": lambda s: flag(cased(s)),
    "is_case_ignorable": lambda s: flag(case_ignorable(s)),
    "is_printable": lambda s: flag(s.isprintable()),
    "is_identifier_start": lambda s: flag(s.isidentifier()),
    "is_xid_continue": lambda s: flag(("a" + s).isidentifier()),
    "to_lower": lambda s: codes(s.lower()),
    "to_upper": lambda s: codes(s.upper()),
    "to_title": lambda s: codes(s.title()),
    "casefold": lambda s: codes(s.casefold()),
    "simple_lower": lambda s: f"{_sre.unicode_tolower(ord(s)):X}",
    "is_simply_cased": lambda s: flag(_sre.unicode_iscased(ord(s))),
    "name": lambda s: new.name(s, ""),
}
for prefix, db in ("", new), ("old_", old):
    PROPERTIES |= {
        prefix + "category": db.category,
        prefix + "bidirectional": db.bidirectional,
        prefix + "combining": lambda s, db=db: str(db.combining(s)),
        prefix + "mirrored": lambda s, db=db: str(db.mirrored(s)),
        prefix + "east_asian_width": db.east_asian_width,
        prefix + "decomposition": db.decomposition,
        prefix + "decimal": lambda s, db=db: number(db.decimal(s, None)),
        prefix + "digit": lambda s, db=db: number(db.digit(s, None)),
        prefix + "numeric": lambda s, db=db: numeric(db.numeric(s, None)),
        prefix + "nfc": lambda s, db=db: codes(db.normalize("NFC", s)),
        prefix + "nfd": lambda s, db=db: codes(db.normalize("NFD", s)),
        prefix + "nfkc": lambda s, db=db: codes(db.normalize("NFKC", s)),
        prefix + "nfkd": lambda s, db=db: codes(db.normalize("NFKD", s)),
    }


def lookup(name):
    try:
        return codes(new.lookup(name))
    except KeyError:
        return "-"


def questions():
    """(question, expected answer) of random texts and of names."""
    rng = random.Random(1)
    special = [c for c in CODES if new.combining(chr(c)) or new.decomposition(chr(c)) or 0x1100 <= c < 0x1200]
    marks = [c for c in special if new.combining(chr(c))]
    for _ in range(60000):
        pick = [rng.choice(special), rng.choice(marks), rng.choice(marks), rng.choice(marks), rng.randrange(0x1100, 0x1200),
                rng.choice([0x41, 0x61, 0xAC00, 0x1100, 0x1161, 0x11A8]), rng.randrange(0x300, 0x345)]
        text = "".join(chr(rng.choice(pick)) for _ in range(rng.randrange(1, 8)))
        form = rng.choice(["NFC", "NFD", "NFKC", "NFKD"])
        for prefix, db in ("", new), ("old_", old):
            yield f"normalize {prefix}{form} {codes(text)}", codes(db.normalize(form, text))
            yield f"is_normalized {prefix}{form} {codes(text)}", flag(db.is_normalized(form, text))
    for c in CODES:
        if name := new.name(chr(c), None):
            yield f"lookup {name}", f"{c:X}"
            if rng.random() < 0.1:
                i = rng.randrange(len(name))
                for changed in name.lower(), name[:i] + name[i + 1:], name + "A", name[:i] + rng.choice("AB0 -") + name[i:]:
                    yield f"lookup {changed}", lookup(changed)
    sys.path.insert(0, str(__import__("pathlib").Path(__file__).parent))
    from generate import hidden_names
    for name, text in hidden_names():
        yield f"lookup {name}", codes(text)
    for c in range(0x16000, 0x19000):
        yield f"lookup Tangut Ideograph-{c:x}", lookup(f"Tangut Ideograph-{c:x}")


def main():
    failures = 0
    for name, value in PROPERTIES.items():
        ours = subprocess.run([PROGRAM, name], capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
        wrong = [(c, a, b) for c, a in zip(CODES, ours, strict=True) if a != (b := value(chr(c)))]
        failures += len(wrong)
        print(f"{name}: {len(wrong)} wrong", *(f"U+{c:04X} {a!r} not {b!r}" for c, a, b in wrong[:3]))
    asked = list(questions())
    ours = subprocess.run([PROGRAM], input="".join(q + "\n" for q, _ in asked), capture_output=True, text=True, check=True)
    wrong = [(q, a, b) for (q, b), a in zip(asked, ours.stdout.split("\n")[:-1], strict=True) if a != b]
    print(f"questions: {len(asked)} asked, {len(wrong)} wrong", *(f"\n  {q}: {a} not {b}" for q, a, b in wrong[:20]))
    sys.exit(bool(failures or wrong))


if __name__ == "__main__":
    main()
