def f(a, b):
    if not a:
        return 1
    if not (a == b):
        return 2
    if a is b or not b:
        return 3
    return bool(not not a)
