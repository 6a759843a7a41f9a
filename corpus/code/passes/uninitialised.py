def f(a):
    if a:
        x = 1
    x
    del a
    try:
        a
    except NameError:
        y = 1
    return y
