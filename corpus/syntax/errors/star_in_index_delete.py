del a[*b], *c
