try: a
except
    b
