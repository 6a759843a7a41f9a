def f():
    try: b
    except* E: return
