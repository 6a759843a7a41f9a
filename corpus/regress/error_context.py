"""What errors say about names: attributes a __getattr__ lacks, unbound locals, modules that stand before others."""
import os
import subprocess
import sys
import tempfile
import textwrap


def raised(f):
    try:
        f()
    except Exception as e:
        return e
    raise AssertionError('nothing raised')


class Bare:
    def __getattr__(self, name):
        raise AttributeError


class Own:
    def __getattr__(self, name):
        raise AttributeError('own', name='other')


bare = Bare()
e = raised(lambda: bare.some)
assert (e.name, e.obj) == ('some', bare)
e = raised(lambda: Own().some)
assert (e.name, e.obj) == ('other', None)


def unbound():
    x
    x = 1


e = raised(unbound)
assert type(e) is UnboundLocalError and e.name is None
assert raised(lambda: no_such_name).name == 'no_such_name'


def last_line(folder, *files):
    for name, text in files:
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(textwrap.dedent(text))
    p = subprocess.run([sys.executable, os.path.join(folder, files[-1][0])], capture_output=True, encoding='utf-8')
    return p.stderr.splitlines()[-1].replace(folder, '.')


STDLIB = "(consider renaming './{}' since it has the same name as the standard library module named 'fractions' and prevents importing that standard library module)"
with tempfile.TemporaryDirectory() as folder:
    program = 'from fractions import Fraction\n'
    got = last_line(folder, ('fractions.py', 'x = 1\n'), ('main.py', program))
    assert got == "ImportError: cannot import name 'Fraction' from 'fractions' " + STDLIB.format('fractions.py'), got
    got = last_line(folder, ('main.py', 'import sys, fractions\nsys.path.pop(0)\nfractions.Fraction\n'))
    assert got == "AttributeError: module 'fractions' has no attribute 'Fraction' " + STDLIB.format('fractions.py'), got
    got = last_line(folder, ('numpy.py', 'from numpy import array\n'))
    assert got == "ImportError: cannot import name 'array' from 'numpy' (consider renaming './numpy.py' if it has the same name as a library you intended to import)", got
    got = last_line(folder, ('sub/a.py', 'from sub.b import f\n'), ('sub/b.py', 'from sub.a import g\n'), ('main.py', 'import sub.a\n'))
    assert got == "ImportError: cannot import name 'g' from partially initialized module 'sub.a' (most likely due to a circular import) (./sub/a.py)", got
    got = last_line(folder, ('main.py', '''\
        import sys
        import traceback
        traceback._print_exception_bltin = None
        try:
            1 / 0
        except ZeroDivisionError as e:
            try:
                raise KeyError('second') from e
            except KeyError:
                raise ValueError('third')
    '''))
    assert got == 'ValueError: third', got
