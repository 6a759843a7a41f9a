def f():
    ((yield a) for a in b)
