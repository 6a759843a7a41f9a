def f:
    a
