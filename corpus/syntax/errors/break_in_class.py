while a:
    class A:
        break
