a = ​b
