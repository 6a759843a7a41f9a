def f(a, b):
    a.x = b
    a.x += b
