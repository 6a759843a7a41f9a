f(a for a in b)
f(a)(b for b in c)
