//! Prints properties of all code points, one a line, for `verify.py`; or, given `normalize`, `is_normalized` or
//! `lookup`, answers the questions on standard input.

use std::fmt::Write as _;
use std::io::{BufRead, Write as _};

use krait_unicode as u;

fn codes(codes: &[u32]) -> String {
    codes.iter().map(|c| format!("{c:X}")).collect::<Vec<_>>().join(" ")
}

fn number(value: Option<impl std::fmt::Debug>) -> String {
    value.map_or("-".into(), |value| format!("{value:?}"))
}

/// The value of `property`, as text.
fn value(property: &str, c: u32) -> Option<String> {
    let version = if property.starts_with("old_") { u::Version::V3_2_0 } else { u::Version::Current };
    let flag = |b: bool| String::from(if b { "1" } else { "0" });
    Some(match property.trim_start_matches("old_") {
        "is_alpha" => flag(u::is_alpha(c)),
        "is_decimal" => flag(u::is_decimal(c)),
        "is_digit" => flag(u::is_digit(c)),
        "is_numeric" => flag(u::is_numeric(c)),
        "is_alnum" => flag(u::is_alnum(c)),
        "is_space" => flag(u::is_space(c)),
        "is_linebreak" => flag(u::is_linebreak(c)),
        "is_upper" => flag(u::is_upper(c)),
        "is_lower" => flag(u::is_lower(c)),
        "is_title" => flag(u::is_title(c)),
        "is_cased" => flag(u::is_cased(c)),
        "is_case_ignorable" => flag(u::is_case_ignorable(c)),
        "is_printable" => flag(u::is_printable(c)),
        "is_identifier_start" => flag(u::is_identifier_start(c)),
        "is_xid_continue" => flag(u::is_xid_continue(c)),
        "to_lower" => codes(u::to_lower(c).as_slice()),
        "to_upper" => codes(u::to_upper(c).as_slice()),
        "to_title" => codes(u::to_title(c).as_slice()),
        "casefold" => codes(u::casefold(c).as_slice()),
        "simple_lower" => codes(&[u::simple_lower(c)]),
        "is_simply_cased" => flag(u::simple_lower(c) != c || u::simple_upper(c) != c),
        "category" => version.category(c).into(),
        "bidirectional" => version.bidirectional(c).into(),
        "combining" => version.combining(c).to_string(),
        "mirrored" => flag(version.mirrored(c)),
        "east_asian_width" => version.east_asian_width(c).into(),
        "decomposition" => version.decomposition(c),
        "decimal" => number(version.decimal(c)),
        "digit" => number(version.digit(c)),
        "numeric" => version.numeric(c).map_or("-".into(), |value| format!("{:016x}", value.to_bits())),
        "nfc" => codes(&u::normalize_as(version, u::Form::Nfc, &[c])),
        "nfd" => codes(&u::normalize_as(version, u::Form::Nfd, &[c])),
        "nfkc" => codes(&u::normalize_as(version, u::Form::Nfkc, &[c])),
        "nfkd" => codes(&u::normalize_as(version, u::Form::Nfkd, &[c])),
        "name" => u::name(c).unwrap_or_default(),
        _ => return None,
    })
}

/// `normalize [old_]FORM HEX...`, `is_normalized ...` and `lookup NAME` a line.
fn answer(line: &str) -> Option<String> {
    let (question, rest) = line.split_once(' ')?;
    if question == "lookup" {
        return Some(match u::lookup_name(rest) {
            None => "-".into(),
            Some(u::Named::Char(c)) => codes(&[c]),
            Some(u::Named::Sequence(sequence)) => codes(sequence),
        });
    }
    let mut words = rest.split(' ');
    let form = words.next()?;
    let version = if form.starts_with("old_") { u::Version::V3_2_0 } else { u::Version::Current };
    let form = u::Form::parse(form.trim_start_matches("old_"))?;
    let text: Vec<u32> = words.map(|word| u32::from_str_radix(word, 16)).collect::<Result<_, _>>().ok()?;
    Some(match question {
        "normalize" => codes(&u::normalize_as(version, form, &text)),
        _ => u8::from(u::is_normalized(version, form, &text)).to_string(),
    })
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let Some(property) = std::env::args().nth(1) else {
        for line in std::io::stdin().lock().lines() {
            writeln!(out, "{}", answer(&line?).unwrap_or("?".into()))?;
        }
        return out.flush();
    };
    let mut text = String::new();
    for c in 0..0x11_0000 {
        let _ = writeln!(text, "{}", value(&property, c).unwrap_or("?".into()));
    }
    out.write_all(text.as_bytes())?;
    out.flush()
}
