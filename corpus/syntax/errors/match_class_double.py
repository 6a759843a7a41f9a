match a:
    case B(x=1, x=2): pass
