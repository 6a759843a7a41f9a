def f(a, b):
    c = a + b
    d = [a, b]
    a = c
    for x in d:
        c.append(x)
    return a, c if b else d
