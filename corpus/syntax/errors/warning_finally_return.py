def f():
    try: pass
    finally: return
