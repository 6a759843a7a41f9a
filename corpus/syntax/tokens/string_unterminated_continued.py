"a\
b
