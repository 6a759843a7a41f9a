try: a
finally: b
