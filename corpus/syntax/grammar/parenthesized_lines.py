a = (1 +
  2 # comment

  + 3)
