try:
    a
except E:
    b
except F as f:
    c
except:
    d
else:
    e
finally:
    g
