match [a]:
    case [b]: pass
match {a: b}:
    case {1: c}: pass
match -a:
    case d: pass
