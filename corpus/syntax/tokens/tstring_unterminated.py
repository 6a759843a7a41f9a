t"a
