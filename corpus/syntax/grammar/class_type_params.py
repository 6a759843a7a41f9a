class A[T: int, *Ts = *X, **P = [int]](B[T]): pass
