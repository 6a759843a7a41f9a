match a:
    case b if c: d
