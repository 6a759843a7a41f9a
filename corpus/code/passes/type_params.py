type A[T, *Ts, **P] = dict[T, P]

def f[T: (int, str) = int](x: T) -> T: ...

class C[T](list[T]):
    x: T
    def m[U](self, y: U) -> T: ...
