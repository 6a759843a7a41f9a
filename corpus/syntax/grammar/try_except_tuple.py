try: a
except (E, F) as e: b
