def f(a, b, c):
    return a[b:c], a[:c], a[b:]
