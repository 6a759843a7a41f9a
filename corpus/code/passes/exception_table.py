def f(a):
    try:
        try:
            a()
        except* KeyError:
            a.b()
    except (ValueError, TypeError) as e:
        a(e)
    else:
        a.c()
    finally:
        with a as b, b:
            return 1
