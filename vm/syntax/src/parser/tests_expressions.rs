//! Expressions as `unparse_expr` gives them back.

use crate::ast::{Arena, Mod};
use crate::{Mode, ParseOptions, parse, unparse_expr};

#[test]
fn expressions() {
    let cases = [
        ("a", "a"),
        ("1", "1"),
        ("1_000", "1000"),
        ("0xff", "255"),
        ("1.5e300", "1.5e+300"),
        ("1e999", "1e309"),
        ("3j", "3j"),
        ("'a' \"b\"", "'ab'"),
        ("u'x'", "u'x'"),
        ("b'a' b'\\x00'", "b'a\\x00'"),
        ("'\\N{BULLET}\\u20ac\\x41\\101'", "'•€AA'"),
        ("...", "..."),
        ("None", "None"),
        ("(a)", "a"),
        ("()", "()"),
        ("(a,)", "(a,)"),
        ("(a, *b)", "(a, *b)"),
        ("[]", "[]"),
        ("[a, *b]", "[a, *b]"),
        ("{}", "{}"),
        ("{a: b, **c}", "{a: b, **c}"),
        ("{a, *b}", "{a, *b}"),
        ("[a for b in c if d if e for f in g]", "[a for b in c if d if e for f in g]"),
        ("{a: b for a, b in c}", "{a: b for a, b in c}"),
        ("{a for a in b}", "{a for a in b}"),
        ("(a for a in b)", "(a for a in b)"),
        ("f()", "f()"),
        ("f(a, *b, c=d, **e)", "f(a, *b, c=d, **e)"),
        ("f(*a, b)", "f(*a, b)"),
        ("f(a=1, *b)", "f(*b, a=1)"),
        ("f(a for a in b)", "f(a for a in b)"),
        ("a.b[c].d", "a.b[c].d"),
        ("a[b:c:d, ::]", "a[b:c:d, :]"),
        ("a[*b]", "a[*b,]"),
        ("a[b, c]", "a[b, c]"),
        ("a[()]", "a[()]"),
        ("-a ** -b", "-a ** (-b)"),
        ("a ** b ** c", "a ** b ** c"),
        ("(a ** b) ** c", "(a ** b) ** c"),
        ("a - b - c", "a - b - c"),
        ("a - (b - c)", "a - (b - c)"),
        ("a * b + c / d // e % f @ g", "a * b + c / d // e % f @ g"),
        ("a << b >> c & d ^ e | f", "a << b >> c & d ^ e | f"),
        ("~a", "~a"),
        ("not a", "not a"),
        ("not a in b", "not a in b"),
        ("a < b <= c == d != e > f >= g", "a < b <= c == d != e > f >= g"),
        ("a is not b", "a is not b"),
        ("a not in b", "a not in b"),
        ("a and b or c and not d", "a and b or c and not d"),
        ("a if b else c if d else e", "a if b else c if d else e"),
        ("(a if b else c) if d else e", "(a if b else c) if d else e"),
        ("lambda: 0", "lambda: 0"),
        ("lambda a, /, b=1, *c, d, e=2, **f: 0", "lambda a, /, b=1, *c, d, e=2, **f: 0"),
        ("lambda *, a: a", "lambda*, a: a"),
        ("f'a{b!r:>{c}}{{}}{d=}'", "f'a{b!r:>{c}}{{}}d={d!r}'"),
        ("f'{a}' 'b' f'{c}'", "f'{a}b{c}'"),
        ("f\"{'a'}\"", "f\"{'a'}\""),
        ("t'a{b}c'", "t'a{b}c'"),
        ("(yield)", "(yield)"),
        ("1 .real", "1 .real"),
        ("(a := 1)", "(a := 1)"),
        ("'\\ud800'", "'\\ud800'"),
        ("é", "é"),
        ("ﬁ", "fi"),
    ];
    for (source, expected) in cases {
        let arena = Arena::new();
        let options = ParseOptions { mode: Mode::Eval, ..ParseOptions::default() };
        match parse(&arena, source, &options).map(|p| p.module) {
            Ok(Mod::Expression { body }) => assert_eq!(unparse_expr(body).to_string(), expected, "in {source:?}"),
            other => assert!(other.is_err(), "{source:?} is an expression"),
        }
    }
}
