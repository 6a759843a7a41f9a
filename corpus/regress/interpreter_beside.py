"""Another interpreter in the process has its own modules and settings, and leaves the first one as it was."""
import sys

try:
    from _testcapi import run_in_subinterp
except ImportError:
    sys.exit(0)

sys.set_int_max_str_digits(5000)
program = """
import sys, gc, ast, json, threading
assert sys.get_int_max_str_digits() == 5000
sys.set_int_max_str_digits(640)
sys.beside = 1
assert "marker" not in sys.modules
class Cycle: pass
c = Cycle(); c.c = c
thread = threading.Thread(target=gc.collect)
thread.start(); thread.join()
code = compile(compile('x+1', '', 'eval', flags=ast.PyCF_ONLY_AST), '', 'eval')
assert eval(code, {'x': 1}) == 2
"""
sys.modules["marker"] = sys
assert run_in_subinterp(program) == 0
assert run_in_subinterp("import sys; sys.stderr = None; 1/0") == -1
assert run_in_subinterp("import _testcapi; assert _testcapi.run_in_subinterp('x = 1') == 0") == 0
assert sys.get_int_max_str_digits() == 5000 and not hasattr(sys, "beside")
assert {"a": 1} | {"b": 2} == {"a": 1, "b": 2} and isinstance(sys, type(sys))
