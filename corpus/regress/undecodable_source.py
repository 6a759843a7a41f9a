"""What is said of source bytes that cannot be decoded, from a string and from a file."""
import os
import subprocess
import sys
import tempfile

TAIL = ', but no encoding declared; see https://peps.python.org/pep-0263/ for details'


def error(source, mode='exec'):
    try:
        compile(source, 'f', mode)
    except SyntaxError as e:
        return e
    raise AssertionError(f'{source!r} compiles')


# A string's newlines are translated first; the file's name is set afterwards.
for newline in (b'\n', b'\r\n', b'\r'):
    e = error(newline + b'\xff abc' + newline)
    assert e.args == (f"Non-UTF-8 code starting with '\\xff' on line 2{TAIL}", (None, 2, 1, '\ufffd abc', 2, 1)), e.args
    assert e.filename == 'f'

e = error(b'# coding: ascii\r\n\r\n\xff')
assert e.args == ("'ascii' codec can't decode byte 0xff in position 17: ordinal not in range(128)", ('f', 0, -1, None)), e.args
assert e.end_lineno is None
assert error(b'# coding: no-such\n').args == ('unknown encoding: no-such', ('f', 0, -1, None))
assert error(b'\xef\xbb\xbf# coding: latin1\n').args == ('encoding problem: latin1 with BOM', (None, 1, 0, '# coding: latin1', 1, 16))

# A module ends in a newline before it is decoded, an expression need not.
assert 'truncated data' in str(error(b'# coding: utf-16\nabc'))
assert 'truncated data' not in str(error(b'# coding: utf-16\nabc', 'eval'))

FILES = [
    (b'x = 1\n\xff\n', f"Non-UTF-8 code starting with '\\xff' in file NAME on line 1{TAIL}"),
    (b'#\r\n\xff\r\n', f"Non-UTF-8 code starting with '\\xff' in file NAME on line 2{TAIL}"),
    (b'x = 1\ny = 2\n\xff\n', f"Non-UTF-8 code starting with '\\xff' in file NAME on line 3{TAIL}"),
    (b'# coding: utf-8\nx = "\xff"\n', "(unicode error) 'utf-8' codec can't decode byte 0xff in position 5: invalid start byte"),
    (b'\xef\xbb\xbf#\n\n \xff', "(unicode error) 'utf-8' codec can't decode byte 0xff in position 1: invalid start byte"),
    (b'# coding: ascii\nx = 1\n\xff', "'ascii' codec can't decode byte 0xff in position 7: ordinal not in range(128)"),
]
with tempfile.TemporaryDirectory() as folder:
    name = os.path.join(folder, 'source.py')
    for source, expected in FILES:
        with open(name, 'wb') as f:
            f.write(source)
        shown = subprocess.run([sys.executable, name], capture_output=True, encoding='utf-8').stderr.splitlines()[-1]
        assert shown == 'SyntaxError: ' + expected.replace('NAME', name), shown
