while a: b
