def f():
    pass

def g(a):
    while True:
        pass
