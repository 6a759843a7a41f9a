"""Answer questions about sources, one after the other, until there are no more.

usage: probe.py FD

A request and an answer are four bytes of length, least significant first, and
as many bytes. A request is three lines and the source: what is asked (tokens,
ast, errors, mutant, code, dis), a level of optimisation (or -1) and the name of the
file. An answer is text, or for "code" the marshalled code object behind a NUL;
an error on the way is the answer too.
"""

import sys
import warnings

issued = []


def note_warning(message, category, filename, lineno, file=None, line=None):
    issued.append("warning: %s %d %a" % (category.__name__, lineno, str(message)))


def describe(error):
    """Everything that a SyntaxError says, a line each; other errors in one line."""
    kind = type(error)
    if not isinstance(error, SyntaxError):
        return ["error: " + kind.__name__, "message: %a" % str(error)]
    lines = ["error: " + kind.__name__, "message: %a" % error.msg]
    for name in ("lineno", "offset", "end_lineno", "end_offset", "text"):
        lines.append("%s: %a" % (name, getattr(error, name, None)))
    if error.print_file_and_line is not None:
        lines.append("print_file_and_line: %a" % error.print_file_and_line)
    known = getattr(error, "_metadata", None)
    if known is not None:
        lineno, column, source = known
        lines.append("metadata: %r %r %d %a" % (lineno, column, len(source), source[-40:]))
    for text in getattr(error, "__notes__", ()):
        lines.append("note: %a" % text)
    return lines


def token_lines(tokens, lines):
    last = None
    for kind, string, start, end, line in tokens:
        if line is last or line == last:
            lines.append("%d %a %d,%d-%d,%d" % (kind, string, *start, *end))
        else:
            lines.append("%d %a %d,%d-%d,%d %a" % (kind, string, *start, *end, line))
            last = line


def tokens(source, number, filename):
    import io
    import tokenize
    from _tokenize import TokenizerIter

    lines = []
    encoding = "utf-8"
    try:
        read = io.BytesIO(source).readline
        encoding = tokenize.detect_encoding(read)[0]
        lines.append("encoding: " + encoding)
        all_tokens = tokenize.tokenize(io.BytesIO(source).readline)
        next(all_tokens)
        token_lines(all_tokens, lines)
    except (SyntaxError, tokenize.TokenError) as error:
        if isinstance(error, SyntaxError):
            lines += describe(error)
        else:
            lines.append("error: TokenError %a" % (error.args,))
    lines.append("plain")
    try:
        token_lines(TokenizerIter(io.BytesIO(source).readline, encoding=encoding, extra_tokens=False), lines)
    except (SyntaxError, LookupError) as error:
        lines += describe(error)
    return "\n".join(lines + issued)


def tree(source, number, filename):
    import ast

    flags = ast.PyCF_ONLY_AST if number < 0 else ast.PyCF_OPTIMIZED_AST
    node = compile(source, filename, "exec", flags, dont_inherit=True, optimize=number)
    return ast.dump(node, include_attributes=True)


def mutant(source, number, filename):
    return errors(source, number, filename, ["exec"])


def errors(source, number, filename, modes=("exec", "single", "eval")):
    lines = []
    for mode in modes:
        lines.append("mode: " + mode)
        found = []
        try:
            compile(source, filename, mode, dont_inherit=True)
        except Exception as error:
            found = describe(error)
        lines += issued + found
        issued.clear()
    return "\n".join(lines)


def code(source, number, filename):
    import marshal

    return b"\0" + marshal.dumps(compile(source, filename, "exec", dont_inherit=True, optimize=number))


def listing(source, number, filename):
    import dis
    import io
    import re

    out = io.StringIO()
    made = compile(source, filename, "exec", dont_inherit=True, optimize=number)
    dis.dis(made, file=out, show_caches=True, show_offsets=True, adaptive=True, show_positions=True)
    return re.sub(" at 0x[0-9a-f]+", "", out.getvalue())


def answer(request):
    what, number, filename, source = request.split(b"\n", 3)
    ask = {b"tokens": tokens, b"ast": tree, b"errors": errors, b"mutant": mutant, b"code": code, b"dis": listing}[what]
    issued.clear()
    try:
        text = ask(source, int(number), filename.decode("utf-8", "surrogateescape"))
    except Exception as error:
        text = "\n".join(describe(error))
    if isinstance(text, str):
        text = text.encode("ascii", "backslashreplace")
    return text


def serve(fd):
    requests = open(fd, "rb")
    answers = open(fd, "wb", closefd=False)
    warnings.simplefilter("always")
    warnings.showwarning = note_warning
    while True:
        size = requests.read(4)
        if len(size) < 4:
            return
        text = answer(requests.read(int.from_bytes(size, "little")))
        answers.write(len(text).to_bytes(4, "little") + text)
        answers.flush()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
