"""The encodings of East Asia: every character and every sequence of two bytes, as one hash for each codec, and where errors are."""
import codecs
import hashlib

NAMES = [
    "gb2312", "gbk", "gb18030", "hz", "shift_jis", "cp932", "euc_jp", "euc_kr", "cp949", "johab", "big5", "cp950", "big5hkscs",
    "iso2022_kr", "iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_ext",
]

# Lines, so that what is malformed reaches no further than its own.
ALL = "".join(chr(c) + "\n" for c in range(0x30000) if not 0xD800 <= c < 0xE000)
PAIRS = b"".join(bytes([a, b]) + b"\n\n" for a in range(0x80, 0x100) for b in range(0x20, 0x100))
SEVEN = [bytes([a, b]) for a in range(0x20, 0x7F) for b in range(0x20, 0x7F)]
ESCAPES = [b"~{", b"\x1b$B", b"\x1b$@", b"\x1b$(D", b"\x1b$A", b"\x1b$(C", b"\x1b$)C\x0e", b"\x1b(J", b"\x1b(I", b"\x1b.A\x1bN", b"\x1b.F\x1bN"]


def digest(name):
    found = hashlib.sha256(ALL.encode(name, "replace"))
    found.update(PAIRS.decode(name, "replace").encode("utf-8"))
    if name == "euc_jp":
        found.update(b"".join(b"\x8f" + bytes([a, b]) + b"\n\n" for a in range(0xA0, 0x100) for b in range(0xA0, 0x100)).decode(name, "replace").encode("utf-8"))
    if name == "gb18030":
        four = (bytes([0x81 + i // 12600, 0x30 + i // 1260 % 10, 0x81 + i // 10 % 126, 0x30 + i % 10]) for i in range(0, 126 * 12600, 7))
        found.update(b"".join(s + b"\n\n" for s in four).decode(name, "replace").encode("utf-8"))
    if name == "hz" or name.startswith("iso2022"):
        for escape in ESCAPES:
            found.update((escape + escape.join(SEVEN)).decode(name, "replace").encode("utf-8"))
    return found.hexdigest()[:16]


EXPECTED = {
    "gb2312": "4c53fab4aa78f1e1",
    "gbk": "76c9aadb3ada9248",
    "gb18030": "041774a488815f84",
    "hz": "6de81fb7136a8af2",
    "shift_jis": "5cfbe22db32ee20d",
    "cp932": "2a4eefb6396ac3ac",
    "euc_jp": "97fbdc76702a833e",
    "euc_kr": "4bd9ad7209d38e3c",
    "cp949": "f332e1e51cca49b6",
    "johab": "844bf7d9d0af1eef",
    "big5": "4f51f37844848d6a",
    "cp950": "17c212babf3d45b9",
    "big5hkscs": "3fc7846fcdc364ff",
    "iso2022_kr": "540a8d5fcec280ce",
    "iso2022_jp": "9aad870e3ca80a1b",
    "iso2022_jp_1": "1e8fb51b6f27e7fe",
    "iso2022_jp_2": "763f2cb7de401aca",
    "iso2022_jp_ext": "d0bfef9ac22b0c49",
}

for name in NAMES:
    assert digest(name) == EXPECTED[name], name


def place(function, *args):
    try:
        function(*args)
    except UnicodeError as e:
        return e.encoding, e.start, e.end, e.reason


ILLEGAL, INCOMPLETE = "illegal multibyte sequence", "incomplete multibyte sequence"
assert place("a\u0100".encode, "euc_kr") == ("euc_kr", 1, 2, ILLEGAL)
assert place(b"ab\xa1".decode, "big5") == ("big5", 2, 3, INCOMPLETE)
assert place(b"\x1b$(Z..".decode, "iso2022_jp") == ("iso2022_jp", 0, 4, ILLEGAL)
assert place(b"a\x84\x30\x20\x30".decode, "gb18030") == ("gb18030", 1, 2, ILLEGAL)

# Two characters in one code, which the first has to wait for.
encoder = codecs.getincrementalencoder("big5hkscs")()
assert [encoder.encode("\xca"), encoder.encode("\u0304"), encoder.encode("\xea", True)] == [b"", b"\x88\x62", b"\x88\xa7"]
decoder = codecs.getincrementaldecoder("iso2022_kr")()
assert decoder.decode(b"\x1b$)C\x0e0") == "" and decoder.getstate()[0] == b"0"
assert decoder.decode(b"\x21\x0f!") == "\uac00!"

# Handlers may give text, bytes and places.
codecs.register_error("east.bytes", lambda e: (b"<>", e.end))
codecs.register_error("east.back", lambda e: ("?", -1))
assert "\u3042\u0100x".encode("euc_jp", "xmlcharrefreplace") == b"\xa4\xa2\x8f\xaa\xa7x"
assert "\u3042\xfe\ue000".encode("shift_jis", "east.bytes") == b"\x82\xa0<><>"
assert "\ue000ab".encode("gbk", "east.back") == b"?b"
