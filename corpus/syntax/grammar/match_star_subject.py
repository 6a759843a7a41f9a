match a, *b:
    case _: pass
match a,:
    case _: pass
