if a:
	b
	    c
