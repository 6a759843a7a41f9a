def f(a, b):
    a += 1
    a.x -= b
    a[b] *= 2
    a[b:1] //= 3
    a.b.c **= 4
