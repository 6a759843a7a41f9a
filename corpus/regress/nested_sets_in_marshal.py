# Sets in sets are put in order once each: at every level twice it would take longer than anybody has.
import marshal
import sys

DEPTH = 200 if sys.implementation.name != "cpython" else 12  # the reference takes twice as long for each level

nested = frozenset({1, "a"})
for level in range(DEPTH):
    nested = frozenset({nested, level, (level, "text")})
for version in range(6):
    assert marshal.loads(marshal.dumps(nested, version)) == nested
shared = frozenset({(1, 2), "b"})
value = [frozenset({shared, (shared, 3)}), shared, {shared, frozenset({shared})}]
assert marshal.loads(marshal.dumps(value)) == value
