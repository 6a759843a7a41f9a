def f(a):
    return f'{a:>10}'
