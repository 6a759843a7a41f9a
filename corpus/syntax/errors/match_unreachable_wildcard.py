match a:
    case _: pass
    case 1: pass
