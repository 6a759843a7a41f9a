try: a
except* E as f(): b
