match a:
    case []: pass
    case [b]: pass
    case [b, c,]: pass
    case (): pass
    case (b,): pass
    case (b, c): pass
    case b, c: pass
    case b,: pass
