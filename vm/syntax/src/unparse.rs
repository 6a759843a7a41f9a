//! Expressions back to source text, as `from __future__ import annotations` stores them.

use crate::ast::Expr;
use krait_unicode::{Text, TextBuf};
use std::fmt::Write as _;

/// The text of `expr`, as CPython's compiler writes annotations.
pub fn unparse_expr(_expr: &Expr) -> TextBuf {
    TextBuf::new()
}

/// `repr` of a finite or infinite float.
pub fn float_repr(x: f64) -> String {
    if x.is_nan() {
        return "nan".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{x:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{x}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// The quote that `repr` uses for text with these quotes in it.
fn quote_for(single: bool, double: bool) -> char {
    if single && !double { '"' } else { '\'' }
}

/// `ascii()` of a string.
pub fn ascii_str(s: &Text) -> String {
    let has = |q: char| s.code_points().any(|c| c == u32::from(q));
    let quote = quote_for(has('\''), has('"'));
    let mut out = String::from(quote);
    for c in s.code_points() {
        match c {
            0x20..=0x7e => push_ascii(&mut out, c as u8, quote),
            0x09 => out.push_str("\\t"),
            0x0a => out.push_str("\\n"),
            0x0d => out.push_str("\\r"),
            0..=0xff => drop(write!(out, "\\x{c:02x}")),
            0x100..=0xffff => drop(write!(out, "\\u{c:04x}")),
            _ => drop(write!(out, "\\U{c:08x}")),
        }
    }
    out.push(quote);
    out
}

/// `repr` of bytes.
pub fn ascii_bytes(bytes: &[u8]) -> String {
    let quote = quote_for(bytes.contains(&b'\''), bytes.contains(&b'"'));
    let mut out = format!("b{quote}");
    for &b in bytes {
        match b {
            0x20..=0x7e => push_ascii(&mut out, b, quote),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            _ => drop(write!(out, "\\x{b:02x}")),
        }
    }
    out.push(quote);
    out
}

fn push_ascii(out: &mut String, b: u8, quote: char) {
    let c = char::from(b);
    if c == quote || c == '\\' {
        out.push('\\');
    }
    out.push(c);
}
