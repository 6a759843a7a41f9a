match a:
    case 1 as b.c: pass
