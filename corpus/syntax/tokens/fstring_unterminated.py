f"a
