//! Errors and warnings of the stages behind the parser, against what CPython says.
//!
//! `data/errors.txt` holds pieces of source divided by `---`; the lines at the end of each that begin with `#!` tell what must come:
//! `ok`, `warning LINE MESSAGE`, or `CLASS LINE:OFFSET-LINE:OFFSET MESSAGE`.

use krait_compiler::{CompileOptions, compile};
use krait_syntax::ast::Arena;
use krait_syntax::error::SyntaxError;
use krait_syntax::{ParseOptions, parse};
use krait_unicode::Text;

fn describe(source: &str) -> Vec<String> {
    let arena = Arena::new();
    let compiled = parse(&arena, source, &ParseOptions::default()).and_then(|parsed| {
        let compiled = compile(&arena, &parsed.module, Text::new("<test>"), CompileOptions::default())?;
        Ok(parsed.warnings.into_iter().chain(compiled.warnings).map(|w| format!("warning {} {}", w.lineno, w.message)).collect())
    });
    match compiled {
        Ok(warnings) if Vec::is_empty(&warnings) => vec!["ok".to_owned()],
        Ok(warnings) => warnings,
        Err(SyntaxError { kind, message, lineno, offset, end_lineno, end_offset, .. }) => {
            vec![format!("{kind:?} {lineno}:{offset}-{end_lineno}:{end_offset} {}", &*message)]
        }
    }
}

#[test]
fn errors_and_warnings_are_cpythons() {
    let mut wrong = Vec::new();
    for case in include_str!("data/errors.txt").split("\n---\n") {
        let (expected, source): (Vec<&str>, Vec<&str>) = case.lines().partition(|line| line.starts_with("#! "));
        let expected: Vec<&str> = expected.iter().map(|line| &line[3..]).collect();
        let source = source.join("\n") + "\n";
        let found = describe(&source);
        if found != expected {
            wrong.push(format!("{source}expected {expected:?}\n   found {found:?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    for unit in [".b", "()", "[0]", "+a", "*a", " if a else b", " and c or d", "<c"] {
        let outcome = describe(&format!("a{}\n", unit.repeat(100_000)));
        assert!(outcome[0].contains("Error") || outcome[0] == "ok", "{unit}: {outcome:?}");
    }
    assert_eq!(describe(&format!("a{}\n", ".b".repeat(20_000))), ["ok"]);
}
