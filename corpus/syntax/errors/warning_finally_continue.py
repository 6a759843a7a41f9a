while a:
    try: pass
    finally: continue
