def f(a):
    for x in a:
        x()
