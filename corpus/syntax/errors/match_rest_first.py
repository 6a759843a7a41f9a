match a:
    case {**b, 1: c}: pass
