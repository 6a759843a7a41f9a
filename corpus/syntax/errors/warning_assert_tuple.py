assert (a, "b")
