type = 1
type (x)
type[x]
type.x
