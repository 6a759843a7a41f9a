//! Mistakes and what CPython says of them: `message @ line:column-line:column`.

use crate::{Mode, ParseOptions, parse};
use crate::ast::Arena;

/// Each source must fail with the error next to it.
fn check(cases: &[(&str, &str)]) {
    for (source, expected) in cases {
        let arena = Arena::new();
        let found = match parse(&arena, source, &ParseOptions::default()) {
            Ok(_) => "no error".to_owned(),
            Err(e) => {
                format!("{} @ {}:{}-{}:{}", &*e.message, e.lineno, e.offset, e.end_lineno, e.end_offset)
            }
        };
        assert_eq!(&found, expected, "in {source:?}");
    }
}

#[test]
fn statements() {
    check(&[
        ("a b", "invalid syntax @ 1:3-1:4"),
        ("x = ", "invalid syntax @ 1:5-1:6"),
        ("1 = x", "cannot assign to literal here. Maybe you meant '==' instead of '='? @ 1:1-1:2"),
        ("f() = 1", "cannot assign to function call here. Maybe you meant '==' instead of '='? @ 1:1-1:4"),
        ("a, 1 = x", "cannot assign to literal here. Maybe you meant '==' instead of '='? @ 1:4-1:5"),
        ("(a, b): int", "only single target (not tuple) can be annotated @ 1:1-1:7"),
        ("a, b: int", "only single target (not tuple) can be annotated @ 1:1-1:2"),
        ("f(): int", "illegal target for annotation @ 1:1-1:4"),
        ("x + 1 += 2", "'expression' is an illegal expression for augmented assignment @ 1:1-1:6"),
        ("(yield) = 1", "cannot assign to yield expression here. Maybe you meant '==' instead of '='? @ 1:2-1:7"),
        ("x = yield = 1", "assignment to yield expression not possible @ 1:5-1:10"),
        ("None = 1", "cannot assign to None @ 1:1-1:5"),
        ("del f()", "cannot delete function call @ 1:5-1:8"),
        ("del *a", "cannot delete starred @ 1:5-1:7"),
        ("del (a, 1)", "cannot delete literal @ 1:9-1:10"),
        ("import a from b", "Did you mean to use 'from ... import ...' instead? @ 1:1-1:16"),
        ("import", "Expected one or more names after 'import' @ 1:7-1:7"),
        ("from a import", "Expected one or more names after 'import' @ 1:14-1:14"),
        ("from a import b,", "trailing comma not allowed without surrounding parentheses @ 1:17-1:18"),
        ("from a import (b, c", "'(' was never closed @ 1:15-1:0"),
        ("import a.b as c.d", "cannot use attribute as import target @ 1:15-1:18"),
        ("from a import b as f()", "cannot use function call as import target @ 1:20-1:23"),
        ("raise x from", "invalid syntax @ 1:13-1:14"),
        ("assert", "invalid syntax @ 1:7-1:8"),
        ("return return", "invalid syntax @ 1:8-1:14"),
        ("pass x", "invalid syntax @ 1:6-1:7"),
        ("global a.b", "invalid syntax @ 1:9-1:10"),
        ("nonlocal", "invalid syntax @ 1:9-1:10"),
        ("print 1", "Missing parentheses in call to 'print'. Did you mean print(...)? @ 1:1-1:8"),
        ("exec 'a'", "Missing parentheses in call to 'exec'. Did you mean exec(...)? @ 1:1-1:9"),
        ("print a, b", "Missing parentheses in call to 'print'. Did you mean print(...)? @ 1:1-1:11"),
        ("type X", "invalid syntax @ 1:7-1:8"),
        ("a := 1", "invalid syntax @ 1:3-1:5"),
        ("a = b := c", "invalid syntax @ 1:7-1:9"),
        ("x = 1 y = 2", "invalid syntax @ 1:7-1:8"),
        ("if x = 1: pass", "invalid syntax. Maybe you meant '==' or ':=' instead of '='? @ 1:4-1:9"),
        ("while f() = 1: pass", "cannot assign to function call here. Maybe you meant '==' instead of '='? @ 1:7-1:10"),
        ("\n  x", "unexpected indent @ 2:2-2:-1"),
        ("if a:\n    b\n   c", "unindent does not match any outer indentation level @ 3:5-3:-1"),
        ("if a:\n\tb\n        c", "inconsistent use of tabs and spaces in indentation @ 3:1-3:0"),
        ("a\\ b", "unexpected character after line continuation character @ 1:3-1:0"),
        ("a \\", "unexpected EOF while parsing @ 1:4-1:-1"),
        ("\"abc", "unterminated string literal (detected at line 1) @ 1:1-1:1"),
        ("'''abc\n", "unterminated triple-quoted string literal (detected at line 1) @ 1:1-1:1"),
        ("f(", "'(' was never closed @ 1:2-1:0"),
        ("[1, 2\nx = 3", "'[' was never closed @ 1:1-1:0"),
        ("(]", "closing parenthesis ']' does not match opening parenthesis '(' @ 1:2-1:2"),
        ("}", "unmatched '}' @ 1:1-1:1"),
        ("0777", "leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers @ 1:1-1:2"),
        ("0b12", "invalid digit '2' in binary literal @ 1:4-1:4"),
        ("0o8", "invalid digit '8' in octal literal @ 1:3-1:3"),
        ("0xg", "invalid hexadecimal literal @ 1:2-1:2"),
        ("1__0", "invalid decimal literal @ 1:2-1:2"),
        ("1_", "invalid decimal literal @ 1:2-1:2"),
        ("1.5a", "invalid decimal literal @ 1:3-1:3"),
        ("1e", "invalid decimal literal @ 1:1-1:1"),
        ("€", "invalid character '€' (U+20AC) @ 1:1-1:1"),
        ("a$", "invalid syntax @ 1:2-1:3"),
        ("x = \u{200b}1", "invalid non-printable character U+200B @ 1:5-1:5"),
        ("bu'a'", "'u' and 'b' prefixes are incompatible @ 1:1-1:3"),
        ("fb'a'", "'b' and 'f' prefixes are incompatible @ 1:1-1:3"),
        ("from __future__ import barry_as_FLUFL; a != b", "with Barry as BDFL, use '<>' instead of '!=' @ 1:42-1:44"),
    ]);
}

#[test]
fn compound() {
    check(&[
        ("if a\n  b", "expected ':' @ 1:5-1:6"),
        ("if a:\nb", "expected an indented block after 'if' statement on line 1 @ 2:1-2:2"),
        ("if a: pass\nelif b\n  c", "expected ':' @ 2:7-2:8"),
        ("if a: pass\nelse\n  c", "expected ':' @ 2:5-2:6"),
        ("if a: pass\nelse:\nb", "expected an indented block after 'else' statement on line 2 @ 3:1-3:2"),
        ("if a: pass\nelse: pass\nelif b: pass", "'elif' block follows an 'else' block @ 3:1-3:5"),
        ("while a\n  b", "expected ':' @ 1:8-1:9"),
        ("while a:\nb", "expected an indented block after 'while' statement on line 1 @ 2:1-2:2"),
        ("for a in b\n  c", "expected ':' @ 1:11-1:12"),
        ("for a in b:\nc", "expected an indented block after 'for' statement on line 1 @ 2:1-2:2"),
        ("for f() in b: pass", "cannot assign to function call @ 1:5-1:8"),
        ("for a, 1 in b: pass", "cannot assign to literal @ 1:8-1:9"),
        ("for a of b: pass", "invalid syntax @ 1:7-1:9"),
        ("async x", "invalid syntax @ 1:7-1:8"),
        ("async for a in b\n pass", "expected ':' @ 1:17-1:18"),
        ("with a\n  b", "expected ':' @ 1:7-1:8"),
        ("with a:\nb", "expected an indented block after 'with' statement on line 1 @ 2:1-2:2"),
        ("with a as f(): pass", "cannot assign to function call @ 1:11-1:14"),
        ("with (a as b)\n  c", "expected ':' @ 1:14-1:15"),
        ("with (a as 1): pass", "cannot assign to literal @ 1:12-1:13"),
        ("async with a:\nb", "expected an indented block after 'with' statement on line 1 @ 2:1-2:2"),
        ("try\n  a", "expected ':' @ 1:4-1:5"),
        ("try:\na", "expected an indented block after 'try' statement on line 1 @ 2:1-2:2"),
        ("try:\n  a\nb", "expected 'except' or 'finally' block @ 3:1-3:2"),
        ("try:\n  a\nexcept\n  b", "expected ':' @ 3:7-3:8"),
        ("try:\n  a\nexcept:\nb", "expected an indented block after 'except' statement on line 3 @ 4:1-4:2"),
        ("try:\n  a\nexcept a as f(): b", "cannot use except statement with function call @ 3:13-3:16"),
        ("try:\n  a\nexcept a, b as c: d", "multiple exception types must be parenthesized when using 'as' @ 3:8-3:17"),
        ("try:\n  a\nexcept* :\n b", "expected one or more exception types @ 3:9-3:10"),
        ("try:\n  a\nexcept a: b\nexcept* c: d", "cannot have both 'except' and 'except*' on the same 'try' @ 4:1-4:8"),
        ("try:\n  a\nexcept* a: b\nexcept c: d", "cannot have both 'except' and 'except*' on the same 'try' @ 4:1-4:7"),
        ("try:\n  a\nfinally:\nb", "expected an indented block after 'finally' statement on line 3 @ 4:1-4:2"),
        ("try:\n  a\nfinally\n  b", "expected ':' @ 3:8-3:9"),
        ("def f\n  a", "expected '(' @ 1:6-1:7"),
        ("def f()\n  a", "expected ':' @ 1:8-1:9"),
        ("def f():\na", "expected an indented block after function definition on line 1 @ 2:1-2:2"),
        ("def f() -> : a", "expected ':' @ 1:9-1:11"),
        ("class A\n  b", "expected ':' @ 1:8-1:9"),
        ("class A:\nb", "expected an indented block after class definition on line 1 @ 2:1-2:2"),
        ("class A(b for c in d): pass", "invalid syntax @ 1:11-1:14"),
        ("class A(\n", "'(' was never closed @ 1:8-1:0"),
        ("@\ndef f(): pass", "invalid syntax @ 1:2-1:3"),
        ("@a\nx", "invalid syntax @ 2:1-2:2"),
        ("match a\n  case b: pass", "expected ':' @ 1:8-1:9"),
        ("match a:\ncase b: pass", "expected an indented block after 'match' statement on line 1 @ 2:1-2:5"),
        ("match a:\n  case b\n    c", "expected ':' @ 2:9-2:10"),
        ("match a:\n  case b:\n  c", "expected an indented block after 'case' statement on line 2 @ 3:3-3:4"),
        ("match a:\n  case b as _: pass", "cannot use '_' as a target @ 2:13-2:14"),
        ("match a:\n  case b as c.d: pass", "cannot use attribute as pattern target @ 2:13-2:16"),
        ("match a:\n  case A(b=1, c): pass", "positional patterns follow keyword patterns @ 2:15-2:16"),
        ("match a:\n  case 1 + 2: pass", "imaginary number required in complex literal @ 2:12-2:13"),
        ("match a:\n  case 1j + 2j: pass", "real number required in complex literal @ 2:8-2:10"),
        ("match a:\n  case {**a, b: 1}: pass", "invalid syntax @ 2:14-2:15"),
        ("match a:\n  case *b | c: pass", "invalid syntax @ 2:11-2:12"),
    ]);
}

#[test]
fn parameters() {
    check(&[
        ("def f(a=1, b): pass", "parameter without a default follows parameter with a default @ 1:12-1:13"),
        ("def f(/): pass", "invalid syntax @ 1:7-1:8"),
        ("def f(a, /, b, /): pass", "/ may appear only once @ 1:16-1:17"),
        ("def f(*): pass", "named arguments must follow bare * @ 1:7-1:8"),
        ("def f(*, **k): pass", "named arguments must follow bare * @ 1:7-1:8"),
        ("def f(*a, *b): pass", "* argument may appear only once @ 1:11-1:12"),
        ("def f(*a=1): pass", "var-positional argument cannot have default value @ 1:9-1:10"),
        ("def f(**k=1): pass", "var-keyword argument cannot have default value @ 1:10-1:11"),
        ("def f(**k, a): pass", "arguments cannot follow var-keyword argument @ 1:12-1:13"),
        ("def f(**k, *a): pass", "arguments cannot follow var-keyword argument @ 1:12-1:13"),
        ("def f(a, *, b, /): pass", "/ must be ahead of * @ 1:16-1:17"),
        ("def f(a / *b): pass", "invalid syntax @ 1:9-1:10"),
        ("def f(a, (b, c)): pass", "Function parameters cannot be parenthesized @ 1:10-1:16"),
        ("def f(a=): pass", "expected default value expression @ 1:8-1:9"),
        ("def f(a.b): pass", "invalid syntax @ 1:8-1:9"),
        ("lambda a=1, b: 0", "parameter without a default follows parameter with a default @ 1:13-1:14"),
        ("lambda *: 0", "named arguments must follow bare * @ 1:9-1:10"),
        ("lambda *a, *b: 0", "* argument may appear only once @ 1:12-1:13"),
        ("lambda **k, a: 0", "arguments cannot follow var-keyword argument @ 1:13-1:14"),
        ("lambda /: 0", "invalid syntax @ 1:8-1:9"),
        ("lambda (a, b): 0", "Lambda expression parameters cannot be parenthesized @ 1:8-1:14"),
        ("lambda *a=1: 0", "var-positional argument cannot have default value @ 1:10-1:11"),
        ("def f[]: pass", "Type parameter list cannot be empty @ 1:7-1:7"),
        ("def f[T: int = ](): pass", "expected '(' @ 1:6-1:7"),
        ("def f[*T: int](): pass", "cannot use bound with TypeVarTuple @ 1:9-1:14"),
        ("def f[**P: (int, str)](): pass", "cannot use constraints with ParamSpec @ 1:10-1:22"),
        ("type X[A, B", "'[' was never closed @ 1:7-1:0"),
    ]);
}

#[test]
fn expressions() {
    check(&[
        ("(a b)", "invalid syntax. Perhaps you forgot a comma? @ 1:2-1:5"),
        ("[a b]", "invalid syntax. Perhaps you forgot a comma? @ 1:2-1:5"),
        ("{a b}", "invalid syntax. Perhaps you forgot a comma? @ 1:2-1:5"),
        ("f(a b)", "invalid syntax. Perhaps you forgot a comma? @ 1:3-1:6"),
        ("a if b", "expected 'else' after 'if' expression @ 1:1-1:7"),
        ("(a if b)", "expected 'else' after 'if' expression @ 1:2-1:8"),
        ("a if b else", "expected expression after 'else', but statement is given @ 1:12-1:13"),
        ("pass if a else b", "expected expression before 'if', but statement is given @ 1:1-1:5"),
        ("x = break if a else 1", "expected expression before 'if', but statement is given @ 1:5-1:10"),
        ("(a, b c)", "invalid syntax. Perhaps you forgot a comma? @ 1:5-1:8"),
        ("{a: b, c}", "':' expected after dictionary key @ 1:8-1:0"),
        ("{a: *b}", "cannot use a starred expression in a dictionary value @ 1:5-1:7"),
        ("{a: }", "expression expected after dictionary key and ':' @ 1:3-1:4"),
        ("{a: b, c: }", "expression expected after dictionary key and ':' @ 1:9-1:10"),
        ("{**a for b in c}", "dict unpacking cannot be used in dict comprehension @ 1:2-1:4"),
        ("{a: b, **c for d in e}", "invalid syntax @ 1:12-1:15"),
        ("[*a for b in c]", "iterable unpacking cannot be used in comprehension @ 1:2-1:4"),
        ("[a, b for c in d]", "did you forget parentheses around the comprehension target? @ 1:2-1:6"),
        ("(*a)", "cannot use starred expression here @ 1:2-1:4"),
        ("(**a)", "cannot use double starred expression here @ 1:2-1:4"),
        ("(*a for b in c)", "iterable unpacking cannot be used in comprehension @ 1:2-1:4"),
        ("f(**a, *b)", "iterable argument unpacking follows keyword argument unpacking @ 1:6-1:10"),
        ("f(a=1, b)", "positional argument follows keyword argument @ 1:9-1:10"),
        ("f(**a, b)", "positional argument follows keyword argument unpacking @ 1:9-1:10"),
        ("f(a for b in c, d)", "Generator expression must be parenthesized @ 1:3-1:15"),
        ("f(d, a for b in c)", "Generator expression must be parenthesized @ 1:6-1:18"),
        ("f(a.b=1)", "expression cannot contain assignment, perhaps you meant \"==\"? @ 1:3-1:7"),
        ("f(True=1)", "cannot assign to True @ 1:3-1:8"),
        ("f(a=b for c in d)", "invalid syntax. Maybe you meant '==' or ':=' instead of '='? @ 1:3-1:5"),
        ("f(a=)", "expected argument value expression @ 1:3-1:5"),
        ("f(*a=b)", "cannot assign to iterable argument unpacking @ 1:3-1:7"),
        ("f(**a=b)", "cannot assign to keyword argument unpacking @ 1:3-1:8"),
        ("f(*)", "Invalid star expression @ 1:4-1:5"),
        ("a <> b", "invalid syntax.  Maybe you meant '!=' instead of '<>'? @ 1:3-1:5"),
        ("a + not b", "'not' after an operator must be parenthesized @ 1:5-1:10"),
        ("- not b", "'not' after an operator must be parenthesized @ 1:3-1:8"),
        ("not", "invalid syntax @ 1:4-1:5"),
        ("a not b", "invalid syntax @ 1:7-1:8"),
        ("a is", "invalid syntax @ 1:5-1:6"),
        ("(a = b)", "invalid syntax. Maybe you meant '==' or ':=' instead of '='? @ 1:2-1:7"),
        ("f(a, (b = 1))", "invalid syntax. Maybe you meant '==' or ':=' instead of '='? @ 1:7-1:12"),
        ("[a = b]", "invalid syntax. Maybe you meant '==' or ':=' instead of '='? @ 1:2-1:7"),
        ("(a.b := c)", "cannot use assignment expressions with attribute @ 1:2-1:5"),
        ("(1 := 2)", "cannot use assignment expressions with literal @ 1:2-1:3"),
        ("[x for]", "invalid syntax @ 1:7-1:8"),
        ("[x for a b]", "'in' expected after for-loop variables @ 1:10-1:11"),
        ("[x for a in]", "invalid syntax @ 1:12-1:13"),
        ("[x for f() in y]", "cannot assign to function call @ 1:8-1:11"),
        ("a[b c]", "invalid syntax. Perhaps you forgot a comma? @ 1:3-1:6"),
        ("a[1:2 3]", "invalid syntax. Perhaps you forgot a comma? @ 1:5-1:8"),
        ("lambda x y: 0", "invalid syntax @ 1:10-1:11"),
        ("await", "invalid syntax @ 1:6-1:7"),
        ("yield from", "invalid syntax @ 1:11-1:12"),
        ("a**", "invalid syntax @ 1:4-1:5"),
        ("a.1", "invalid syntax @ 1:2-1:4"),
        ("a.", "invalid syntax @ 1:3-1:4"),
        ("a..b", "invalid syntax @ 1:3-1:4"),
        ("'a' b 'c'", "invalid syntax. Is this intended to be part of the string? @ 1:5-1:6"),
        ("(1, 2", "'(' was never closed @ 1:1-1:0"),
        ("{1: 2", "'{' was never closed @ 1:1-1:0"),
        ("a ? b", "invalid syntax @ 1:3-1:4"),
        ("\"\" \"\\x\"", "(unicode error) 'unicodeescape' codec can't decode bytes in position 0-1: truncated \\xXX escape @ 1:4-1:8"),
        ("'\\N{no such name}'", "(unicode error) 'unicodeescape' codec can't decode bytes in position 0-15: unknown Unicode character name @ 1:1-1:19"),
        ("b'\\x'", "(value error) invalid \\x escape at position 0 @ 1:1-1:6"),
        ("b'é'", "bytes can only contain ASCII literal characters @ 1:1-1:5"),
        ("'a' b'b'", "cannot mix bytes and nonbytes literals @ 1:9-1:10"),
        ("t'a' 'b'", "cannot mix t-string literals with string or bytes literals @ 1:1-1:9"),
        ("'a' t'b'", "cannot mix t-string literals with string or bytes literals @ 1:1-1:9"),
    ]);
}

#[test]
fn fstrings() {
    check(&[
        ("f'{'", "f-string: expecting '}' @ 1:4-1:4"),
        ("f'}'", "f-string: single '}' is not allowed @ 1:3-1:3"),
        ("f'{}'", "f-string: valid expression required before '}' @ 1:4-1:5"),
        ("f'{ }'", "f-string: valid expression required before '}' @ 1:5-1:6"),
        ("f'{=}'", "f-string: valid expression required before '=' @ 1:4-1:5"),
        ("f'{!r}'", "f-string: valid expression required before '!' @ 1:4-1:5"),
        ("f'{:x}'", "f-string: valid expression required before ':' @ 1:4-1:5"),
        ("f'{a b}'", "invalid syntax. Perhaps you forgot a comma? @ 1:4-1:7"),
        ("f'{a!}'", "f-string: missing conversion character @ 1:6-1:7"),
        ("f'{a!x}'", "f-string: invalid conversion character 'x': expected 's', 'r', or 'a' @ 1:6-1:7"),
        ("f'{a! r}'", "f-string: conversion type must come right after the exclamation mark @ 1:5-1:8"),
        ("f'{a!r b}'", "f-string: expecting ':' or '}' @ 1:8-1:9"),
        ("f'{a=b}'", "f-string: expecting '!', or ':', or '}' @ 1:6-1:7"),
        ("f'{a:{b}'", "f-string: expecting '}', or format specs @ 1:9-1:10"),
        ("f'{a:{b:{c:{d}}}}'", "f-string: expressions nested too deeply @ 1:11-1:11"),
        ("f'{lambda x: 1}'", "f-string: lambda expressions are not allowed without parentheses @ 1:4-1:13"),
        ("f'{a'", "f-string: expecting '}' @ 1:5-1:5"),
        ("f'{a[}'", "closing parenthesis '}' does not match opening parenthesis '[' @ 1:6-1:6"),
        ("f'{)}'", "f-string: unmatched ')' @ 1:4-1:4"),
        ("f'{a:\n}'", "f-string: newlines are not allowed in format specifiers for single quoted f-strings @ 1:6-1:6"),
        ("f'''{a\n", "'{' was never closed @ 1:5-1:0"),
        ("t'{'", "t-string: expecting '}' @ 1:4-1:4"),
        ("t'{}'", "t-string: valid expression required before '}' @ 1:4-1:5"),
        ("t'{a!x}'", "t-string: invalid conversion character 'x': expected 's', 'r', or 'a' @ 1:6-1:7"),
        ("f'{a $ b}'", "f-string: expecting '=', or '!', or ':', or '}' @ 1:6-1:7"),
        ("f'{*}'", "f-string: expecting a valid expression after '{' @ 1:4-1:5"),
        ("f'{a, }' 1", "invalid syntax @ 1:10-1:11"),
        ("f'{\"", "unterminated string literal (detected at line 1) @ 1:4-1:4"),
        ("f'\\x'", "(unicode error) 'unicodeescape' codec can't decode bytes in position 0-1: truncated \\xXX escape @ 1:5-1:6"),
    ]);
}

#[test]
fn incomplete_input() {
    let options = ParseOptions { mode: Mode::Single, allow_incomplete_input: true, ..ParseOptions::default() };
    for source in ["a = (", "def f():", "x = \"\"\"abc", "@a", "if a:\n  b\nelse:"] {
        let error = parse(&Arena::new(), source, &options).expect_err(source);
        assert_eq!(error.kind, crate::error::ErrorKind::IncompleteInput, "in {source:?}");
    }
}

#[test]
fn deep_nesting_is_an_error_not_a_crash() {
    for unit in ["-", "not ", "a**", "lambda:", "a if b else "] {
        let source = unit.repeat(100_000) + "a";
        let error = parse(&Arena::new(), &source, &ParseOptions::default()).expect_err(unit);
        assert_eq!(error.kind, crate::error::ErrorKind::MemoryError, "for {unit:?}");
    }
    for (open, close) in [("(", ")"), ("[", "]"), ("{", "}"), ("f(", ")"), ("{*", "}"), ("{a:", "}"), ("a[", "]")] {
        let source = open.repeat(190) + "a b" + &close.repeat(190);
        assert!(parse(&Arena::new(), &source, &ParseOptions::default()).is_err(), "for {open:?}");
    }
}
