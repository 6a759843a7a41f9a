class A[T]:
    nonlocal T
