def f():
a
