while a:
    break
for b in c:
    continue
