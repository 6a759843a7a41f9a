{a: b for a in b} = 1
