def f(*args, a, **kwargs): pass
