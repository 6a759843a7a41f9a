def f():
    'doc'
    1
    'text'
    (1, 2)
    x = 1.5 if 1 else 2.5
    return x
