type X[T, *Ts, **P] = T
