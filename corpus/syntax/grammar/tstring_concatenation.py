t"a" t"{b}" rt"c"
