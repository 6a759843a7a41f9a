class A:
    """doc"""
    a: int
    def f(self): pass
