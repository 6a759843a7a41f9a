match a:
    case 1 as b: pass
    case (1 | 2) as c: pass
    case [1, 2] as d: pass
