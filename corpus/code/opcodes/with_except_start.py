def f(a):
    with a:
        a()
