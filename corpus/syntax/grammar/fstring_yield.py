def f():
    f"{yield}"
    f"{yield 1}"
