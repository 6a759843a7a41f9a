match a:
    case b: pass
    case c: pass
