"""Time an interpreter's front end, one question after the other, until there are no more.

usage: front.py FD

A request and an answer are four bytes of length, least significant first, and
as many bytes. A request is three lines and a body: what is timed, a number, the
name of a file. The answer is the processor's seconds, or an error in one line.

ast, tokenize and compile work on the files whose names are the body, a line
each; dump writes their code objects, marshalled, into the named file; marshal
loads what that file holds. expression, string, nested and chain parse (number -1)
or compile a source that is as many bytes long.
"""

import gc
import sys
from time import process_time

sources = {}
dumps = {}


def read(names):
    for name in names:
        if name not in sources:
            with open(name, "rb") as file:
                sources[name] = file.read()
    return [(name, sources[name]) for name in names]


def time_each(work, items):
    """Seconds that `work` takes on all items, but for those that raise."""
    gc.collect()
    begun = process_time()
    for item in items:
        try:
            work(*item)
        except (SyntaxError, ValueError):
            pass
    return process_time() - begun


def parse_file(name, source):
    compile(source, name, "exec", 0x400, dont_inherit=True)


def compile_file(name, source):
    compile(source, name, "exec", dont_inherit=True)


def tokenize_file(name, source):
    for _ in tokens_of(lines_of(source).readline):
        pass


def dump(filename, names):
    import marshal

    made = []
    for name, source in read(names):
        try:
            made.append(marshal.dumps(compile(source, name, "exec", dont_inherit=True)))
        except (SyntaxError, ValueError):
            pass
    with open(filename, "wb") as file:
        marshal.dump(made, file)
    return 0.0


def load(filename):
    import marshal

    if filename not in dumps:
        with open(filename, "rb") as file:
            dumps[filename] = [(data,) for data in marshal.load(file)]
    return time_each(marshal.loads, dumps[filename])


def repeat(text, size):
    return text * (size // len(text))


shapes = {
    "expression": lambda size: "x = [" + repeat("f(a, -b[1:2], c.d) if e < 2 else {g: 'h'}, ", size) + "]\n",
    "string": lambda size: "x = '" + repeat("string ", size) + "'\n",
    "nested": lambda size: "x = " + "[" * (size // 2) + "]" * (size // 2) + "\n",
    "chain": lambda size: "x = a" + repeat(" + b", size) + "\n",
}


def time_shape(shape, size, flags):
    source = shapes[shape](size)
    gc.collect()
    begun = process_time()
    outcome = ""
    try:
        compile(source, "<shape>", "exec", flags, dont_inherit=True)
    except (SyntaxError, MemoryError, RecursionError) as error:
        outcome = " " + type(error).__name__ + ": " + str(error).partition("\n")[0][:60]
    return "%.6f%s" % (process_time() - begun, outcome)


def answer(what, number, filename, body):
    names = body.split("\n") if body else []
    if what in shapes:
        return time_shape(what, int(body), 0x400 if number < 0 else 0)
    if what == "dump":
        return dump(filename, names)
    if what == "marshal":
        return load(filename)
    work = {"ast": parse_file, "compile": compile_file, "tokenize": tokenize_file}[what]
    return time_each(work, read(names))


def serve(fd):
    requests = open(fd, "rb")
    answers = open(fd, "wb", closefd=False)
    while True:
        size = requests.read(4)
        if len(size) < 4:
            return
        what, number, filename, body = requests.read(int.from_bytes(size, "little")).split(b"\n", 3)
        try:
            text = answer(what.decode(), int(number), filename.decode(), body.decode())
        except Exception as error:
            text = "error: %s: %s" % (type(error).__name__, error)
        text = str(text).encode("utf-8", "backslashreplace")
        answers.write(len(text).to_bytes(4, "little") + text)
        answers.flush()


if __name__ == "__main__":
    import warnings
    from io import BytesIO as lines_of
    from tokenize import tokenize as tokens_of

    warnings.simplefilter("ignore")
    serve(int(sys.argv[1]))
