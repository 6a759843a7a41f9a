def f(a):
    try:
        pass
    finally:
        a
    with a: pass
    while True:
        try:
            break
        finally:
            pass
