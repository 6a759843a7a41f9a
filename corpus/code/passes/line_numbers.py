def f(a):
    if a:
        x = 1
    else:
        x = 2

    return (
        x
        +
        a
    )

def g(a):
    for x in (
        a
    ):
        if x:
            continue
        x(
            1,
            2,
        )
