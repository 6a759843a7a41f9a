match a:
    case 1 as f(): pass
