def f(a):
    assert a
    assert a, 'message'
    return all(x for x in a), any(x for x in a), tuple(x for x in a)
