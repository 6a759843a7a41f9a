def f(a):
    match a:
        case C(x, y=1):
            return x
