# Tuples that hold themselves, which only marshal makes, are garbage like any other; whether their making failed or not.
import gc
import marshal
import sys

WHOLE = [b"\xa9\x02r\0\0\0\0N", b"\xa9\x02\xa9\x01r\0\0\0\0N"]
# The last of them promises more items than there can be.
BROKEN = [b"\xa9\x02r\0\0\0\0", b"\xa9\x02r\0\0\0\0s\0\0\xff\xff", b"\xa9\x02\xa9\x01r\0\0\0\0", b"\xa9\x7e)\x02r\0\0\0\0N"]


def load(data):
    try:
        made = marshal.loads(data)
    except (EOFError, ValueError):
        assert data in BROKEN
    else:
        assert data in WHOLE and type(made) is tuple


for data in WHOLE + BROKEN:
    load(data)
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(50):
        load(data)
    # Such tuples are freed by a run that finds nothing else.
    gc.collect()
    gc.collect()
    growth = sys.getallocatedblocks() - before
    # The reference keeps them.
    assert sys.implementation.name == "cpython" or growth < 25, (data, growth)
