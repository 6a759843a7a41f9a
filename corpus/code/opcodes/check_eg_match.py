def f(g):
    try:
        g()
    except* (ValueError, TypeError) as e:
        return_ = e
