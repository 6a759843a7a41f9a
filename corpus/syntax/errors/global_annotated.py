def f():
    global a
    a: int
