f"""a
