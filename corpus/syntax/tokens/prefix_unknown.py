z"a"
