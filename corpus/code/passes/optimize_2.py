# optimize: 2
'''doc'''
def f(a):
    'doc'
    assert a
    if __debug__:
        return 1
    return 2
