[a, b] = x
