fb"a"
