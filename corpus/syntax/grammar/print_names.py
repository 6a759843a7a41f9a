print(a)
exec(b)
