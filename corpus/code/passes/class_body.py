class C(B, metaclass=M, x=1):
    'doc'
    a = 1
    def f(self):
        return super().f(), __class__
    b = property(f)
