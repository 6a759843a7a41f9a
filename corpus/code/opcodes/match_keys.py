def f(a):
    match a:
        case {'k': x, **rest}:
            return x, rest
