def f(): a; b
