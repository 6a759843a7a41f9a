match a:
    case [b, b]: pass
