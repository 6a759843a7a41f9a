if a:
    # one
  # two
    b
# three
c
