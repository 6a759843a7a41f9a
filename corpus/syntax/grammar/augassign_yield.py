def f():
    a += yield
