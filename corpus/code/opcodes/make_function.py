def f(a=1, *, b: int = 2) -> str:
    return lambda: a
