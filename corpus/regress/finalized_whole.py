"""Garbage is finalized while its modules are whole, and weak references to it are dead by then."""
import gc
import subprocess
import sys
import weakref

PROGRAM = """
import threading
main = threading.current_thread()
class Cycle:
    def __init__(self): self.cycle = self
    def __del__(self): print(threading.current_thread() is main)
x = Cycle()
"""
out = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
assert out.stdout == "True\n", out


class Back:
    def __del__(self):
        Back.saved = self


b = Back()
b.cycle = b
r = weakref.ref(b)
del b
gc.collect()
assert Back.saved is not None and r() is None
del Back.saved.cycle
