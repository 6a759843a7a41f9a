while a:
    try: b
    except* E: continue
