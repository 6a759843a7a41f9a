//! `repr` of literals, for messages.

use krait_bytecode::Const;
use krait_unicode::Text;

/// The `repr` of a literal that can be a key of a mapping pattern.
pub(super) fn repr(value: &Const) -> String {
    match value {
        Const::None => "None".into(),
        Const::True => "True".into(),
        Const::False => "False".into(),
        Const::Ellipsis => "Ellipsis".into(),
        Const::Int(v) => v.to_string(),
        Const::BigInt(v) => v.to_string(),
        Const::Float(v) => float(*v, true),
        Const::Complex(re, im) if *re == 0.0 && re.is_sign_positive() => format!("{}j", float(*im, false)),
        Const::Complex(re, im) => {
            let sign = if im.is_sign_negative() { "" } else { "+" };
            format!("({}{sign}{}j)", float(*re, false), float(*im, false))
        }
        Const::Str(s) => quoted(s),
        Const::Bytes(b) => bytes(b),
        _ => "...".into(),
    }
}

/// Shortest digits that read back, with an exponent from 1e16 up and below 1e-4.
fn float(v: f64, keep_point: bool) -> String {
    if !v.is_finite() {
        let name = if v.is_nan() { "nan" } else { "inf" };
        return if v < 0.0 { format!("-{name}") } else { name.into() };
    }
    let scientific = format!("{v:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if v != 0.0 && !(-4..16).contains(&exponent) {
        return format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    }
    let plain = format!("{v}");
    if keep_point && !plain.contains('.') { plain + ".0" } else { plain }
}

fn quote_for(has_single: bool, has_double: bool) -> char {
    if has_single && !has_double { '"' } else { '\'' }
}

fn quoted(s: &Text) -> String {
    let quote = quote_for(s.as_bytes().contains(&b'\''), s.as_bytes().contains(&b'"'));
    let mut out = String::from(quote);
    for c in s.code_points() {
        match char::from_u32(c) {
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(c) if c == quote || c == '\\' => out.extend(['\\', c]),
            Some(c) if c.is_control() && (c as u32) < 0x100 => out.push_str(&format!("\\x{:02x}", c as u32)),
            Some(c) => out.push(c),
            None => out.push_str(&format!("\\u{c:04x}")),
        }
    }
    out.push(quote);
    out
}

fn bytes(b: &[u8]) -> String {
    let quote = quote_for(b.contains(&b'\''), b.contains(&b'"'));
    let mut out = format!("b{quote}");
    for &byte in b {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'\\' => out.push_str("\\\\"),
            0x20..0x7f if char::from(byte) == quote => out.extend(['\\', quote]),
            0x20..0x7f => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_and_strings_are_written_as_python_does() {
        let check = |value: Const, expected: &str| assert_eq!(repr(&value), expected);
        check(Const::Float(1.0), "1.0");
        check(Const::Float(1e16), "1e+16");
        check(Const::Float(1.5e-7), "1.5e-07");
        check(Const::Float(0.0001), "0.0001");
        check(Const::Complex(0.0, 2.0), "2j");
        check(Const::Complex(-0.0, -2.0), "(-0-2j)");
        check(Const::Str("it's".into()), "\"it's\"");
        check(Const::Str("a\n\u{1}'\"".into()), "'a\\n\\x01\\'\"'");
        check(Const::Bytes(Box::from(*b"\xff'")), "b\"\\xff'\"");
    }
}
