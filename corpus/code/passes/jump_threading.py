def f(a, b, c):
    if a and (b or c):
        return 1
    while a:
        if b:
            continue
        if not (a and b or c):
            break
    return a and b and c or a
