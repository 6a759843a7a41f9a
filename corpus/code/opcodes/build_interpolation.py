def f(a, b):
    return t'{a}', t'{a!r:>{b}}', t'{a + b=}'
