a: int = 1
if a:
    b: str

class C:
    c: list['C']
    def f(self, x: int, *y: str) -> None:
        z: int = 1
