def f(a):
    match a:
        case [x, y] | (x, y, _):
            return x
