match a:
    case {}: pass
    case {1: b}: pass
    case {"a": b, c.d: e,}: pass
    case {**f}: pass
    case {-1: x, **g,}: pass
