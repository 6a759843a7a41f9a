t"{a
