@a
b
