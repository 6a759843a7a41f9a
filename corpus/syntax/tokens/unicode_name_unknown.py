"\N{no such}"
