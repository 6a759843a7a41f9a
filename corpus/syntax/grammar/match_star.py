match a:
    case [b, *c]: pass
    case *_, d: pass
    case (*e,): pass
