def f(a):
    while a is not None:
        a = a.next
    return 1 if a is None else 2
