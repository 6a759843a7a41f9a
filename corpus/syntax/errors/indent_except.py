try: a
except:
b
