def f(a: int, /, b: str = "", *c: x, d: y = 1, **e: z) -> r: pass
