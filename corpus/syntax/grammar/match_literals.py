match a:
    case 1: pass
    case -1: pass
    case 1.5: pass
    case 1j: pass
    case 1 + 2j: pass
    case -1 - 2j: pass
    case "a" "b": pass
    case b"c": pass
    case None: pass
    case True: pass
    case False: pass
