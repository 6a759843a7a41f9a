class A
    b
