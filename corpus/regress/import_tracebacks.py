"""The import system's own frames are no part of a failed import's traceback."""
import os
import sys
import tempfile
import traceback


def frames(name):
    try:
        __import__(name)
    except BaseException as e:
        return type(e).__name__, [(os.path.basename(f.filename), f.name) for f in traceback.extract_tb(e.__traceback__)]
    raise AssertionError(f'{name} imports')


HERE = (os.path.basename(__file__), 'frames')

with tempfile.TemporaryDirectory() as folder:
    def write(name, text):
        with open(os.path.join(folder, name + '.py'), 'w') as f:
            f.write(text)

    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    write('raises', 'def f():\n    raise NameError\nf()\n')
    write('faulty', 'x y\n')
    write('imports_faulty', 'import faulty\n')
    write('imports_nothing', 'import no_such_module\n')
    write('lacks', 'from sys import no_such_name\n')
    write('calls', 'import importlib\nimportlib.import_module("raises")\n')
    assert frames('raises') == ('NameError', [HERE, ('raises.py', '<module>'), ('raises.py', 'f')])
    assert frames('faulty') == ('SyntaxError', [HERE])
    assert frames('imports_faulty') == ('SyntaxError', [HERE, ('imports_faulty.py', '<module>')])
    assert frames('no_such_module') == ('ModuleNotFoundError', [HERE])
    assert frames('imports_nothing') == ('ModuleNotFoundError', [HERE, ('imports_nothing.py', '<module>')])
    assert frames('lacks') == ('ImportError', [HERE, ('lacks.py', '<module>')])
    kind, shown = frames('calls')
    assert kind == 'NameError' and shown == [HERE, ('calls.py', '<module>'), ('__init__.py', 'import_module'), ('raises.py', '<module>'), ('raises.py', 'f')]

    # A finder's fault is the finder's, and all of the way to it is shown.
    class Finder:
        def find_spec(self, name, path, target=None):
            raise ZeroDivisionError

    sys.meta_path.insert(0, Finder())
    kind, shown = frames('found_by_finder')
    assert kind == 'ZeroDivisionError' and shown[0] == HERE and shown[-1][1] == 'find_spec'
    assert '_find_and_load' in [name for _, name in shown], shown
    del sys.meta_path[0]
