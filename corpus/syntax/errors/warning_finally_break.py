while a:
    try: pass
    finally: break
