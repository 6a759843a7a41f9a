# posix_spawn with file actions and attributes, and what it refuses.
import os
import pickle

r, w = os.pipe()
pid = os.posix_spawn("/bin/sh", ["sh", "-c", "echo $word"], {"word": "spawned"}, file_actions=[
    (os.POSIX_SPAWN_DUP2, w, 1), (os.POSIX_SPAWN_CLOSE, r), (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)], setpgroup=0)
os.close(w)
assert os.read(r, 100) == b"spawned\n"
assert os.waitpid(pid, 0) == (pid, 0)
os.close(r)
for keywords in ({"file_actions": [None]}, {"file_actions": [(12345,)]}, {"scheduler": 1}, {"setsigmask": 3}, {"setpgroup": "1"}):
    try:
        os.posix_spawnp("sh", ["sh"], os.environ, **keywords)
    except TypeError:
        pass
    else:
        raise AssertionError(keywords)
try:
    os.posix_spawn("/nowhere", ["x"], {})
except FileNotFoundError as e:
    assert e.filename == "/nowhere"
else:
    raise AssertionError

param = os.sched_param(3)
assert pickle.loads(pickle.dumps(param)) == param
assert os.major(-1) == os.minor(-1) == os.makedev(-1, -1) == -1
