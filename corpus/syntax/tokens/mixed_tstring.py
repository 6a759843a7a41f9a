"a" t"b"
