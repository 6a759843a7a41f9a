class A:
    [b := a for a in c]
