match a:
    case __debug__: pass
