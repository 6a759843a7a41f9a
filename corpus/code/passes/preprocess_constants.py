# Folding of the tree: formatting, __debug__, tuples of constants in tests.
'%s and %r' % (a, b)
if __debug__:
    x = 1
assert a in [1, 2, 3]
for y in {1, 2, 3}:
    pass
