if a:
    b
  # c

