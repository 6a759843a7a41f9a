a
   
b
  # c
