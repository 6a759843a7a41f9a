//! Prints the tree of each file as `ast.dump(tree, include_attributes=True)` does (strings as `ascii()` shows them), or the
//! error as `kind|message|lineno|offset|end_lineno|end_offset|text`, one line per file.
//!
//! `--batch FILE` reads many sources from one file instead, separated by the character U+001E; the first character of
//! each is its mode: `e`xec, e`v`al, `s`ingle, `f`unc_type, `t`ype comments, `i`ncomplete input allowed, `u`nparse an expression; a hexadecimal digit
//! is a module of that minor version.

use krait_syntax::ast::{Arena, Mod};
use krait_syntax::dump::dump;
use krait_syntax::error::SyntaxError;
use krait_syntax::unparse::ascii_str;
use krait_syntax::{Mode, ParseOptions, Parsed, decode_source, parse};
use krait_unicode::Text;
use std::fmt::Write as _;
use std::io::Write as _;

fn main() -> std::io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if let [flag, file] = &args[..]
        && flag == "--batch"
    {
        let all = std::fs::read_to_string(file)?;
        for source in all.split('\u{1e}') {
            let mut chars = source.chars();
            let mode = chars.next();
            writeln!(out, "{}", dump_source(chars.as_str(), mode))?;
        }
        return Ok(());
    }
    let (mode, files) = match args.first().map(String::as_str) {
        Some("--time") => (None, &args[1..]),
        _ => (Some('e'), &args[..]),
    };
    for file in files {
        let bytes = std::fs::read(file)?;
        let line = match decode_source(&bytes, &mut |_, _| None) {
            Ok(source) if mode.is_none() => {
                let _ = parse(&Arena::new(), &source, &ParseOptions::default());
                continue;
            }
            Ok(source) => dump_source(&source, mode),
            Err(e) => dump_error(&e),
        };
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn dump_source(source: &str, mode: Option<char>) -> String {
    let arena = Arena::new();
    let options = ParseOptions {
        mode: match mode {
            Some('v' | 'u') => Mode::Eval,
            Some('s') => Mode::Single,
            Some('f') => Mode::FuncType,
            _ => Mode::Exec,
        },
        type_comments: mode == Some('t'),
        feature_version: mode.filter(char::is_ascii_hexdigit).filter(|&c| c != 'e' && c != 'f').and_then(|c| c.to_digit(16)).map_or(14, |v| v as i32),
        allow_incomplete_input: mode == Some('i'),
        ..ParseOptions::default()
    };
    match parse(&arena, source, &options) {
        Ok(Parsed { module: Mod::Expression { body }, .. }) if mode == Some('u') => {
            ascii_str(&krait_syntax::unparse_expr(body))
        }
        Ok(parsed) => {
            let mut out = String::new();
            for w in &parsed.warnings {
                let _ = write!(out, "[{} {} {} {}]", ascii_str(Text::new(&w.message)), w.lineno, w.offset, w.end_offset);
            }
            out.push_str(&dump(&parsed.module));
            out
        }
        Err(e) => dump_error(&e),
    }
}

fn dump_error(e: &SyntaxError) -> String {
    let text = e.text.as_ref().map_or("None".to_owned(), |t| ascii_str(t));
    let message = ascii_str(&e.message);
    format!("{:?}|{message}|{}|{}|{}|{}|{text}", e.kind, e.lineno, e.offset, e.end_lineno, e.end_offset)
}
