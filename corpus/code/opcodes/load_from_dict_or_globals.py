class C[T]:
    a: T = 1
    type B = a
