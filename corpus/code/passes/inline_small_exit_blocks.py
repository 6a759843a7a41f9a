def f(a, b):
    try:
        if a:
            return b
    finally:
        a()
    if b:
        a = 1
    else:
        a = 2
