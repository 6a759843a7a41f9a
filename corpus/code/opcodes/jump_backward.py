def f(a):
    while a:
        a = a.next
