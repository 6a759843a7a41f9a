a is 1
