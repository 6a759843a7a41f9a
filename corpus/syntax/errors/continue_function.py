for a in b:
    def f():
        continue
