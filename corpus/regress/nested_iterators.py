"""Iterators over iterators over iterators: the end is an item or a RecursionError, not the end of the process."""

import itertools

x = iter([1])
for i in range(200_000):
    x = itertools.chain(x)
try:
    assert next(x) == 1
except RecursionError:
    pass
