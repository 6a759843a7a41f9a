def f(a, b):
    if a:
        c = b
    else:
        c = a
    for d in c:
        d()
    return c, d
