def f[T: int, U: (int, str), V = int, *W = *X, **P = [int]](): pass
