print >>f, a
