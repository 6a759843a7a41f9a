a: int = 1
