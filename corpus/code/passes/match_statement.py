def f(a):
    match a:
        case 0 | -1 | 1 + 2j:
            return 1
        case None | True:
            return 2
        case 'a' if a:
            return 3
        case {'x': [1, *_, 2], **k}:
            return k
        case C(b=(x, y)) as z:
            return x, y, z
        case a.b:
            return 4
        case _:
            return 5
