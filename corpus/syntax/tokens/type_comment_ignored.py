a = 1  # type: int
