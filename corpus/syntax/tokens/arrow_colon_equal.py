a -> b
a := b
