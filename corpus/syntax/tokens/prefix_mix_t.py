ft"a"
