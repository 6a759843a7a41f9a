try: a
except E as e.f: b
