def f(a):
    x = 1
    b = [x for x in a for y in x if y]
    c = {x: (lambda: x) for x in a}
    d = {y for y in a}, (z for z in a)
    return x, b, c, d

class C:
    y = [x for x in range(3)]
