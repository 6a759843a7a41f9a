type X.Y = 1
