def f(n=3, text='abc', items=()):
    out = []
    while n:
        n = n - 1 if isinstance(n, int) else 0
        if n == 2:
            continue
        try:
            out.append(items[n])
        except (IndexError, TypeError) as e:
            out.append(e.args)
        except Exception:
            raise
        else:
            out.append('fine')
        finally:
            out += [n]
        for c in text:
            if c == 'c':
                break
        else:
            out.append(c)
    assert out is not None, 'no out'
    return out


def g(n=0, *rest):
    class Guard:
        def __enter__(self):
            return self

        def __exit__(self, *args):
            return True

    with Guard() as one, Guard():
        try:
            raise ExceptionGroup('g', [ValueError(1), TypeError(2)])
        except* ValueError as e:
            n = e
        except* TypeError:
            raise KeyError(n) from None
    match n:
        case int() | float():
            return 1
        case [a, *b] if a:
            return b
        case {'k': v, **rest}:
            return v, rest
        case Guard(x=1):
            return x
        case None:
            pass
        case str() as s:
            return s
    del n
    return [1, 2][0:1], rest[:-1]


f()
