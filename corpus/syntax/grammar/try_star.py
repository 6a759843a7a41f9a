try: a
except* E: b
except* F as f: c
else: d
finally: e
