def f():
    print_(a)
    global a
