f"{a}"
f"a{b}c{d}e"
f"{ a }"
