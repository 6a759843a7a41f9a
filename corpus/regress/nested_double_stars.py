"""Each level of `{**x**` was read twice: forty of them took for ever."""

for opening in ("{**x**", "{**x**{**case (x<", "{**"):
    try:
        compile(opening * 40, "", "exec")
    except SyntaxError:
        pass
