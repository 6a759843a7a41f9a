f(*a, b, *c)
f(**a, b=1, **c)
f(a, *b, c=1, *d, **e)
