def f(a):
    if 0:
        a()
    if 1:
        a.b()
    while 0:
        a()
    return (a if 1 else 2), (1 and a), (0 or a), not 1
