def f()
    a
