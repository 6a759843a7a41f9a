lambda: (yield_)
lambda a: b if c else d
