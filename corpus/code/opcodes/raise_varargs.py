def f(a, b):
    try:
        raise a from b
    except a:
        raise
    raise a
