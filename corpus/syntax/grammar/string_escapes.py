"\a\b\f\n\r\t\v\\\'\""
"\0\12\377"
"\x41\u00e9\U0001F600\N{BULLET}"
"a\
b"
b"\x00\xff\7"
