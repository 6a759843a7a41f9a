def f(a):
    match a:
        case [x, *y]:
            return x, y
