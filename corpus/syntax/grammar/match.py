match a:
    case 1: b
