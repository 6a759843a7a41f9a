a: int
