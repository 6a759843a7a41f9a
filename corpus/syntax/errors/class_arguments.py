class A(b for b in c): pass
