def f():
    await a
