class C(B):
    def f(self):
        return super().x, super(C, self).y(), super().z()
