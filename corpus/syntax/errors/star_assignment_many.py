a, a, a, *b, *c = d
