"""What the command prints: tracebacks of programs that are in no file, the plain interactive session, bad files, options."""

import os
import subprocess
import sys
import tempfile


def run(*args, stdin=""):
    env = {k: v for k, v in os.environ.items() if k != "PYTHONSTARTUP"}
    done = subprocess.run([sys.executable, *args], input=stdin.encode(), capture_output=True, env=env)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# The lines of -c are shown.
code, out, err = run("-c", "def f():\n    return g(1, *[2])\nf()")
assert code == 1 and out == ""
assert err.splitlines() == [
    "Traceback (most recent call last):",
    '  File "<string>", line 3, in <module>',
    "    f()",
    "    ~^^",
    '  File "<string>", line 2, in f',
    "    return g(1, *[2])",
    "           ^",
    "NameError: name 'g' is not defined",
], err

# Statements are read until they are complete; prompts and errors go to standard error.
session = """\
x = (1,
2)
if x:
  print(x)

def f():
  1/0

f()
  3
# a comment
y = 5; y
try:
  1
print(5)
"""
code, out, err = run("-i", "-q", stdin=session)
assert (code, out) == (0, "(1, 2)\n5\n"), (code, out)
assert err.splitlines() == [
    ">>> ... >>> ... ... >>> ... ... >>> Traceback (most recent call last):",
    '  File "<stdin>", line 1, in <module>',
    "    f()",
    "    ~^^",
    '  File "<stdin>", line 2, in f',
    "    1/0",
    "    ~^~",
    "ZeroDivisionError: division by zero",
    '>>>   File "<stdin>", line 1',
    "    3",
    "IndentationError: unexpected indent",
    '>>> >>> >>> ... ...   File "<stdin>", line 3',
    "    print(5)",
    "    ^^^^^",
    "SyntaxError: expected 'except' or 'finally' block",
    ">>> ",
], err
code, out, err = run("-i", "-q", stdin="import sys; sys.ps1 = 'P>'\nsys.exit(3)")
assert (code, out, err) == (3, "", ">>> P>... \n"), (code, out, err)

# Files are named from the root; a null byte ends the line that is shown.
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    path = os.path.join(os.getcwd(), "nul.py")
    with open("nul.py", "wb") as f:
        f.write(b"a\nx = 1\0 2\n")
    code, out, err = run("nul.py")
    assert code == 1 and f'File "{path}", line 2\n    x = 1\n' in err, err
    assert err.endswith("SyntaxError: source code cannot contain null bytes\n"), err
    with open("deep.py", "w") as f:
        f.write("class A:\n    def __del__(self): g(6)\ndef g(n):\n    g(n - 1) if n else 1/0\na = A()\ndel a\n")
    code, out, err = run("deep.py")
    lines = err.splitlines()
    assert code == 0 and lines[0].startswith("Exception ignored while calling deallocator <function A.__del__ at "), err
    frame = [f'  File "{os.path.join(os.getcwd(), "deep.py")}", line 4, in g', "    g(n - 1) if n else 1/0"]
    assert lines[1] == "Traceback (most recent call last):" and lines[4:10] == frame * 3, err
    assert lines[10:] == ["  [Previous line repeated 4 more times]", "ZeroDivisionError: division by zero"], err
    os.chdir("/")

# Options.
code, out, err = run("-zzz")
assert code == 2 and err.splitlines()[0] == "Unknown option: -z", err
code, out, err = run("-X", "importtime", "-c", "import stat")
assert err.splitlines()[0] == "import time: self [us] | cumulative | imported package", err
assert any(line.split("|")[-1] == "     stat" for line in err.splitlines()), err
code, out, err = run("-v", "-c", "pass")
assert code == 0 and "import 'zipimport'" in err, err

# Structures that are too deep end in an exception.
x = []
for i in range(1_000_000):
    x = [x]
try:
    repr(x)
except RecursionError as e:
    assert "while getting the repr of an object" in str(e), e
else:
    raise AssertionError("no error")
