def f(a):
    for x in a:
        if x:
            break
    else:
        return 1
