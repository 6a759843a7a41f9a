a, *b, c = x
