"""Precisions that no memory is enough for end in an exception, not in the end of the process."""

import resource

resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))

for text in ("'%.2147483647f' % 1.0", "format(1.0, '.2147483647f')"):
    try:
        eval(text)
    except ValueError as e:
        assert str(e) == "precision too big", e
    else:
        raise AssertionError(text)
for text in ("'%.2000000000f' % 1.0", "format(1.0, '.2000000000f')", "format(1e300, '.2000000000e')", "'%2000000000s' % 'é'", "format('x', '>9000000000')"):
    try:
        len(eval(text))
    except MemoryError:
        pass

assert "%.30f" % 0.1 == "0.100000000000000005551115123126"
assert "%5.2f|%-8.3f|%+.0f" % (1.5, -0.0005, 2.5) == " 1.50|-0.001  |+2", "%5.2f|%-8.3f|%+.0f" % (1.5, -0.0005, 2.5)
assert [repr(x) for x in (1e15, 123.0, -0.00012, 1e16, 5e-324)] == ["1000000000000000.0", "123.0", "-0.00012", "1e+16", "5e-324"]
