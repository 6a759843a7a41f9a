a is not ""
