(a)
((a))
(yield_)
(a := 1)
