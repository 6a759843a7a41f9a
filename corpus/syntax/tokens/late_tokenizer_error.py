a b
"c
