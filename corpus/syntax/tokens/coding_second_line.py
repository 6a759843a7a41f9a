#!
# vim: set fileencoding=iso-8859-1 :
b = "é" c
