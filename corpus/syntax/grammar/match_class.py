match a:
    case B(): pass
    case B(c): pass
    case B(c, d,): pass
    case B.C(x=d): pass
    case B(c, x=d, y=e,): pass
