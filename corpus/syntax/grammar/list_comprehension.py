[a for a in b]
[a for a in b if c if d]
[a for b in c for a in b if d]
