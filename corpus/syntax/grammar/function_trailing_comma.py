def f(a, b,): pass
def g(*, a,): pass
def h(*a,): pass
def i(**a,): pass
def j(a, /,): pass
