t"a"
t"{a}"
t"a{b!r:>{c}}d"
t"{a=}"
