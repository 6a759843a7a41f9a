def f(a):
    try:
        a()
    except ValueError:
        pass
