(a,
b]
