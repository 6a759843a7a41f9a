a = *b, c
