if a:
    b
  \
  c
