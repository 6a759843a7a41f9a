class A(B, *C, m=D, **E): pass
