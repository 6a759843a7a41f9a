def f():
    a: int = yield
