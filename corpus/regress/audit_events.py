# Native functions tell the audit hooks what they are about to do.
import gc
import marshal
import os
import sys
import time

seen = []
on = False


def hook(event, args):
    if on:
        seen.append((event, args))


sys.addaudithook(hook)


class C:
    pass


class D:
    pass


def f(x=1):
    pass


on = True
eval("1")
compile("2", "file", "eval")
marshal.loads(marshal.dumps(3))
c = C()
C.__name__ = "E"
c.__class__ = D
f.__code__
f.__defaults__ = (2,)
time.sleep(0)
gc.get_referents([])
os.listdir(".")
try:
    open("/nowhere/at/all")
except OSError:
    pass
try:
    os.mkdir("/nowhere/at/all")
except OSError:
    pass
sys._getframe()
id(c)
on = False
found = [event for event, _ in seen]
assert found == [
    "compile", "exec", "compile", "marshal.dumps", "marshal.loads", "object.__setattr__", "object.__setattr__", "object.__getattr__",
    "object.__setattr__", "time.sleep", "gc.get_referents", "os.listdir", "open", "os.mkdir", "sys._getframe", "builtins.id",
], found
events = dict(seen)
assert seen[0][1] == (b"1", "<string>") and seen[2][1] == (b"2", "file")
assert events["marshal.loads"] == (marshal.dumps(3),)
assert events["open"][:2] == ("/nowhere/at/all", "r") and events["os.mkdir"] == ("/nowhere/at/all", 0o777, -1)
assert events["builtins.id"] == (id(c),)


# A hook that refuses others with an Exception does so without their hearing of it.
def refuse(event, args):
    if event == "sys.addaudithook":
        raise RuntimeError


sys.addaudithook(refuse)
sys.addaudithook(lambda event, args: 1 / 0)
sys.audit("nothing")
