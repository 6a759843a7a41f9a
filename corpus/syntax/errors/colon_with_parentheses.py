with (a, b)
    c
