def f(a):
    for x in a:
        try:
            x()
        except ValueError:
            x.log()
        finally:
            x.close()
    return 1
