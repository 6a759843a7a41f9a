lambda a, b=1, /, c=2, *d, e, f=3, **g: 0
lambda *, a: a
lambda *a: a
lambda **a: a
lambda a, /: a
lambda a,: a
