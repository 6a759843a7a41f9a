@a
@b.c(1)
@d[0]
@(e := f)
class A:
    x = 1
