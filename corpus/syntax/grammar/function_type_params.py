def f[T, *Ts, **P](a: T): pass
