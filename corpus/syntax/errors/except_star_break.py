while a:
    try: b
    except* E: break
