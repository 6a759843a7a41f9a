x = (1, 'a', None), ((1, 2), 3), frozenset
for i in [1, 2, 3]:
    pass
y = i in {1, 2}, i in [1, 2], [1, 2, 3], {1, 2, 3}
