def f(a, b, c):
    a[b] = c
    a[b:c:1] = c
    a[b] += c
