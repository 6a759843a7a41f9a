try: a
b
