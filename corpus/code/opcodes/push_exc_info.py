def f(a):
    try:
        a()
    finally:
        a.close()
