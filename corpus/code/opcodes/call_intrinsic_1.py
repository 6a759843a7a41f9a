def f(a):
    return [*a, 1], (*a,), +a

from os.path import *
