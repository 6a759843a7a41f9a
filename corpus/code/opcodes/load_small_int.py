def f():
    return 0

def g():
    return 255

def h():
    return 256
