x = 1
f = lambda a=x: a
