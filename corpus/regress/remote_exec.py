# sys.remote_exec runs a script in a process, here in its own, in a namespace of its own.
import os
import sys
import tempfile

with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
    script.write("import sys\nassert globals() is not sys.modules['__main__'].__dict__\nsys.remote_exec_seen = __builtins__ is not None\n")
    script.flush()
    try:
        sys.remote_exec(os.getpid(), script.name)
    except PermissionError:
        sys.remote_exec_seen = True
    for i in range(10):
        pass
    assert sys.remote_exec_seen
for wrong, error in ((None, TypeError), ("/nowhere/at/all", FileNotFoundError)):
    try:
        sys.remote_exec(os.getpid(), wrong)
    except error:
        pass
    else:
        raise AssertionError(wrong)
