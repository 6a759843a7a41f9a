f"a"
f""
F"a"
