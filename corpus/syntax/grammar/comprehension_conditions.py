[a for a in b or c if d or e]
[a for a in (lambda: b)()]
