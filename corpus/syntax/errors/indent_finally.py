try: a
finally:
b
