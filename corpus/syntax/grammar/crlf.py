a
if b:
    c
