1or 2
0x1for x in y
