try: a
except E, F: b
