if a := b: pass
