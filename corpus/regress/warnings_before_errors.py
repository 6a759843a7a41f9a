# Warnings of the compiler come before the error that ends the compilation, and the first of them that is an error is the error.
import warnings

SOURCES = [
    ("for x in y:\n  try: pass\n  finally: break\nbreak\n", ["'break' in a 'finally' block"], "'break' outside loop"),
    ("(1, 2)()\nf(a=1, a=2)\n", ["'tuple' object is not callable; perhaps you missed a comma?"], "keyword argument repeated: a"),
    ("x = 1 is 1\nreturn\n", ['"is" with \'int\' literal. Did you mean "=="?'], "'return' outside function"),
    # The symbol table comes before the code, but after the first pass over the tree.
    ("x = 1 is 1\ndef f():\n  x\n  global x\n", [], "name 'x' is used prior to global declaration"),
    ("for x in y:\n  try: pass\n  finally: continue\ndef f():\n  x\n  global x\n", ["'continue' in a 'finally' block"],
     "name 'x' is used prior to global declaration"),
]
for source, expected, message in SOURCES:
    for action in "always", "error":
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter(action)
            try:
                compile(source, "<none>", "exec")
            except SyntaxError as e:
                error = e
        if action == "always":
            assert [str(w.message) for w in seen] == expected, (source, seen)
            assert error.msg == message, (source, error)
        else:
            assert error.msg == (expected or [message])[0], (source, error)
            assert error.text is None, (source, error.text)
