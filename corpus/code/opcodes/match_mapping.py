def f(a):
    match a:
        case {}:
            return 1
