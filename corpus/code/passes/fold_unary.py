x = -1, +2, ~3, not 4, not None, - -5.0, -(1 + 2j)
