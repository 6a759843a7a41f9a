f"\n{a}\x41\N{BULLET}"
