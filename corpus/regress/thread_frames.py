"""Other threads' frames and exceptions can be seen, and threads that a fork leaves behind count as done."""
import os
import sys
import threading

entered, leave = threading.Event(), threading.Event()


def worker():
    try:
        raise ValueError("handled")
    except ValueError:
        entered.set()
        leave.wait()


thread = threading.Thread(target=worker)
thread.start()
entered.wait()
frame = sys._current_frames()[thread.ident]
names = []
while frame:
    names.append(frame.f_code.co_name)
    frame = frame.f_back
assert "worker" in names, names
assert isinstance(sys._current_exceptions()[thread.ident], ValueError)
assert sys._current_frames()[threading.get_ident()] is sys._getframe()
leave.set()
thread.join()

done = threading.Event()
other = threading.Thread(target=done.wait)
other.start()
import warnings
warnings.simplefilter("ignore")
child = os.fork()
if child == 0:
    other.join(5)
    os._exit(0 if not other.is_alive() else 1)
assert os.waitpid(child, 0)[1] == 0
done.set()
other.join()
