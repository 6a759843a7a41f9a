//! Properties of the way from bytes to trees: any bytes are an error or text, any text tokens or an error, and the parser ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]

use krait_syntax::ast::Arena;
use krait_syntax::tokenize::TokenizerIter;
use krait_syntax::{ParseOptions, decode_source, parse};
use proptest::collection::vec;
use proptest::prelude::*;

const COOKIES: &[&str] = &["", "# coding: latin-1\n", "# -*- coding: utf-8 -*-\n", "\n#coding=ascii\n", "# coding: utf8\n", "\u{feff}", "\u{feff}# coding: utf-8\n", "# coding: nothing\n", "\u{c}#coding:"];
const PIECES: &[&str] = &[
    "'", "\"", "'''", "\"\"\"", "f'", "f\"\"\"", "rb'", "t'", "{", "}", "{{", "}}", "!r", ":", "=", "\\", "\\\n", "\\N{", "\\x4", "\\u12", "\\777", "\n", "\r",
    "\r\n", "\t", " ", "        ", "\u{c}", "(", ")", "[", "]", "#", "0x", "1_", "1__", "0b2", "1e", "1.j", "if", "else", "é", "x", "lambda", "\0", "€", "$",
];

/// What nests, and what stands between.
const NESTING: &[&str] = &["(", "[", "{", "x(", "x[", "{x:", "(*", "f(**", "[*", "{**", "(x for x in ", "[x for x in x if ", "lambda:", "lambda x=", "x if ", "not ", "-", "await ", "(yield ", "f'{", "f'{x:{", "x:=", "if x:\n ", "case (", "match (", "with (", "x((", "print ", "for x in ", "def f(x=", "class A(", "except (", "del (", "import (", "@("];
const BETWEEN: &[&str] = &["x*", "x-", "x,", "x.x", "x=", "x:", "x ", "x<", "x and ", "x or ", "x**", "1 ", "'a'", "x if x else ", "*x,", "**x,", "x:x,", "x=x,", "x|", "x in ", "x not in ", "is not ", ":", ",", ";", "\n", "", "as x,", "else ", "for x in x ", "x)", "x]", "x}", "->", "=", ":="];

fn source() -> impl Strategy<Value = String> {
    vec(prop::sample::select(PIECES), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn bytes_are_text_or_an_error(cookie in prop::sample::select(COOKIES), rest in vec(any::<u8>(), 0..60)) {
        let bytes = [cookie.as_bytes(), &rest].concat();
        match decode_source(&bytes, &mut |_, _| None) {
            Ok(text) => prop_assert!(text.len() <= 2 * bytes.len()),
            Err(e) => prop_assert!(!e.message.is_empty()),
        }
    }

    #[test]
    fn utf8_text_comes_through(cookie in prop::sample::select(&["", "# coding: utf-8\n", "\u{feff}"]), rest in "[^c]*") {
        let source = format!("{cookie}{rest}");
        let text = decode_source(source.as_bytes(), &mut |_, _| None).unwrap();
        prop_assert_eq!(text, source.strip_prefix('\u{feff}').unwrap_or(&source));
    }

    #[test]
    fn tokens_end_and_go_forward(source in source(), extra in any::<bool>()) {
        let mut lines = source.split_inclusive('\n');
        let mut tokens = TokenizerIter::new(|| Ok::<_, ()>(lines.next().map(str::to_owned)), extra);
        let (mut left, mut last) = (4 * source.len() + 16, 0);
        while let Ok(Some(token)) = tokens.next_token() {
            prop_assert!(token.start.0 >= last && token.end.0 >= token.start.0);
            last = token.start.0;
            prop_assert!(left > 0);
            left -= 1;
        }
    }

    #[test]
    fn parsing_ends(source in source()) {
        let arena = Arena::new();
        if let Err(e) = parse(&arena, &source, &ParseOptions::default()) {
            prop_assert!(!e.message.is_empty());
        }
    }

    #[test]
    fn literals_of_any_text(text in any::<String>(), prefix in prop::sample::select(&["", "r", "b", "rb", "f", "rf", "t", "u"]), quote in prop::sample::select(&["'", "\"", "'''"])) {
        let arena = Arena::new();
        let source = format!("{prefix}{quote}{text}{quote}\n");
        if let Err(e) = parse(&arena, &source, &ParseOptions::default()) {
            prop_assert!(!e.message.is_empty());
        }
    }

    #[test]
    fn nesting_does_not_multiply_work(
        unit in vec((prop::sample::select(NESTING), prop::sample::select(BETWEEN)), 1..4),
        first in prop::sample::select(BETWEEN),
        last in prop::sample::select(BETWEEN),
        levels in 10..30_usize,
    ) {
        let unit: String = unit.iter().flat_map(|(open, between)| [*open, *between]).collect();
        let source = format!("{first}{}{last}", unit.repeat(levels));
        let arena = Arena::new();
        let begin = std::time::Instant::now();
        let _ = parse(&arena, &source, &ParseOptions::default());
        // Milliseconds, unless each level does what is inside twice.
        prop_assert!(begin.elapsed() < std::time::Duration::from_secs(4), "{}", source);
    }
}
