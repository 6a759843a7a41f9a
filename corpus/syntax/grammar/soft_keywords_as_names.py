match = case = _ = type = 1
match.x; case[0]; _(1); match * x
match -x
