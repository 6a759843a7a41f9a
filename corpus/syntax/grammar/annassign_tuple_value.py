a: tuple = 1, *b
