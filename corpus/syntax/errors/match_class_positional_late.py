match a:
    case B(x=1, c): pass
