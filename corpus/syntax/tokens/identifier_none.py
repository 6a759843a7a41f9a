ℕone = 1
