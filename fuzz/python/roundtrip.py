import ast as _ast_module


def check_roundtrip(text):
    ast = _ast_module
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return
    try:
        again = ast.unparse(tree)
    except (ValueError, RecursionError):
        # F-strings that cannot be written without a backslash, digits beyond the limit.
        return
    try:
        second = ast.parse(again)
    except (MemoryError, RecursionError, ValueError) as e:
        if isinstance(e, SyntaxError):
            raise AssertionError(f'not parsed: {again!r}') from e
        return
    one, two = ast.dump(tree), ast.dump(second)
    if one != two and ast.dump(ast.parse(ast.unparse(second))) != two:
        raise AssertionError(f'{text!r}\n{again!r}\n{one}\n{two}')
    if one != two and not known(one, two):
        raise AssertionError(f'{text!r}\n{again!r}\n{one}\n{two}')


def known(one, two):
    # Text of an f-string that stands in pieces comes back in one.
    return 'JoinedStr' in one or 'TemplateStr' in one
