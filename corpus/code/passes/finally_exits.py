def f(a):
    for x in a:
        try:
            if x:
                continue
            if a:
                break
            return x
        finally:
            a()
