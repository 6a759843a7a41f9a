def f(a):
    return a
    a()

def g(a):
    while True:
        if a:
            break
        else:
            raise a
        a()
