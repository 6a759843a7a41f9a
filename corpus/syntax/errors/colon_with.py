with a
    b
