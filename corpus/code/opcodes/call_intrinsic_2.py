def f[T: int](x: T): ...

try:
    pass
except* ValueError:
    pass
