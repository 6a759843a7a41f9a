try: a
finally
    b
