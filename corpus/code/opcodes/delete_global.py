def f():
    global g
    del g

g = 1
f()
