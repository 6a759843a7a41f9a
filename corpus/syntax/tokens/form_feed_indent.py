if a:
   b
