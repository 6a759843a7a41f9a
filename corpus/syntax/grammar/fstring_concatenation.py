"a" f"b{c}" "d" f"{e}"
