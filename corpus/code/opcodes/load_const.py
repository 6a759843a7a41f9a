def f():
    return 1.5, 'a', None

def g():
    return 1000
