def f[T, U: int, V: (a, b) = c, *W = *d, **X = [e]](): pass
