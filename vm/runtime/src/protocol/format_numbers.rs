//! `__format__` of `int`, `float` and `complex`, over [`FormatSpec`], and the conversions of floats to digits that `%` formatting shares.

use super::format::{Align, FormatSpec, NumberParts};
use crate::types::float::{float_value, text};
use crate::types::int::{Int, IntRef, arith};
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm};

/// A finite float's digits, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decimal {
    pub whole: String,
    pub point: bool,
    pub fraction: String,
    /// `e+05`, or nothing.
    pub exponent: String,
}

impl Decimal {
    /// The parts in a row.
    pub fn text(&self) -> String {
        format!("{}{}{}{}", self.whole, if self.point { "." } else { "" }, self.fraction, self.exponent)
    }

    fn split(number: &str, exponent: Option<i32>, upper: bool, alternate: bool) -> Decimal {
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let exponent = exponent.map_or_else(String::new, |e| {
            let sign = if e < 0 { '-' } else { '+' };
            format!("{}{sign}{:02}", if upper { 'E' } else { 'e' }, e.unsigned_abs())
        });
        Decimal { whole: whole.to_owned(), point: alternate || !fraction.is_empty(), fraction: fraction.to_owned(), exponent }
    }
}

/// Takes `d.ddde±x` apart.
fn scientific(f: f64, digits: usize) -> (String, i32) {
    let some = digits.min(text::MAX_DIGITS);
    let text = format!("{f:.some$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.to_owned() + &"0".repeat(digits - some), exponent.parse().unwrap_or(0))
}

/// The digits of `|f|`, which is finite, in the format `kind`: one of `e f g r` or their upper case. `r` is `repr()`, whatever the precision.
pub fn decimal(f: f64, kind: char, precision: usize, alternate: bool, add_dot_0: bool) -> Decimal {
    let f = f.abs();
    let upper = kind.is_ascii_uppercase();
    let mut result = match kind.to_ascii_lowercase() {
        'e' => {
            let (mantissa, exponent) = scientific(f, precision);
            Decimal::split(&mantissa, Some(exponent), upper, alternate)
        }
        'f' => Decimal::split(&text::fixed(f, precision), None, upper, alternate),
        'g' => general(f, precision.max(1), upper, alternate, add_dot_0),
        _ => {
            let text = text::repr(f);
            match text.split_once('e') {
                Some((m, e)) => Decimal::split(m, e.parse().ok(), upper, alternate),
                None => Decimal::split(&text, None, upper, alternate),
            }
        }
    };
    if add_dot_0 && !result.point && result.exponent.is_empty() {
        result.point = true;
        result.fraction.push('0');
    }
    result
}

fn general(f: f64, precision: usize, upper: bool, alternate: bool, add_dot_0: bool) -> Decimal {
    let (mantissa, exponent) = scientific(f, precision - 1);
    // With a ".0" to come, the exponent form begins one digit earlier.
    let limit = precision as i64 - i64::from(add_dot_0);
    let trimmed = |s: String| {
        if alternate || !s.contains('.') {
            return s;
        }
        s.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    if exponent < -4 || i64::from(exponent) >= limit.max(i64::from(precision == 1 && add_dot_0)) {
        return Decimal::split(&trimmed(mantissa), Some(exponent), upper, alternate);
    }
    let places = usize::try_from(precision as i64 - 1 - i64::from(exponent)).unwrap_or(0);
    Decimal::split(&trimmed(text::fixed(f, places)), None, upper, alternate)
}

/// `PyOS_double_to_string` for `%` formatting: sign only if negative, `inf` and `nan`.
pub fn float_text(f: f64, kind: char, precision: usize, alternate: bool) -> String {
    let text = if f.is_nan() {
        "nan".to_owned()
    } else if f.is_infinite() {
        "inf".to_owned()
    } else {
        decimal(f, kind, precision, alternate, false).text()
    };
    let text = if kind.is_ascii_uppercase() { text.to_uppercase() } else { text };
    if f.is_sign_negative() && !f.is_nan() { format!("-{text}") } else { text }
}

/// `int.__format__`.
pub fn format_int(vm: &mut Vm, value: &Value, spec: &Py<Str>) -> PyResult {
    if spec.is_empty() {
        return Ok(if value.is_exact::<Int>() { vm.repr(value)? } else { vm.str(value)? }.into_value());
    }
    let parsed = FormatSpec::parse(vm, spec, value, 'd', Align::Right)?;
    let kind = char::from_u32(parsed.kind).unwrap_or('\0');
    match kind {
        'b' | 'c' | 'd' | 'o' | 'x' | 'X' | 'n' => format_integer(vm, value, &parsed, kind),
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%' => {
            let Some(int) = IntRef::new(value) else { return Err(parsed.unknown_kind(vm, value)) };
            let f = arith::to_f64(vm, &int)?;
            format_real(vm, f, &parsed, kind)
        }
        _ => Err(parsed.unknown_kind(vm, value)),
    }
}

fn format_integer(vm: &mut Vm, value: &Value, spec: &FormatSpec, kind: char) -> PyResult {
    if spec.precision.is_some() {
        return Err(vm.value_error("Precision not allowed in integer format specifier"));
    }
    if spec.no_neg_zero {
        return Err(vm.value_error("Negative zero coercion (z) not allowed in integer format specifier"));
    }
    let Some(int) = IntRef::new(value) else { return Err(spec.unknown_kind(vm, value)) };
    let locale = spec.locale();
    if kind == 'c' {
        if spec.sign != 0 {
            return Err(vm.value_error("Sign not allowed with integer format specifier 'c'"));
        }
        if spec.alternate {
            return Err(vm.value_error("Alternate form (#) not allowed with integer format specifier 'c'"));
        }
        let Some(c) = int.to_i64().and_then(|i| u32::try_from(i).ok()).filter(|&c| c <= 0x10ffff) else {
            return Err(vm.overflow_error("%c arg not in range(0x110000)"));
        };
        let text = vm.new_str_ucs4(&[c])?;
        return Ok(spec.write_text(vm, &text)?.into_value());
    }
    let (radix, prefix) = match kind {
        'b' => (2, "0b"),
        'o' => (8, "0o"),
        'x' => (16, "0x"),
        'X' => (16, "0X"),
        _ => (10, ""),
    };
    let digits = match (&int, radix) {
        (IntRef::Small(i), 10) => i.unsigned_abs().to_string(),
        (IntRef::Small(i), 16) => format!("{:x}", i.unsigned_abs()),
        (IntRef::Small(i), 2) => format!("{:b}", i.unsigned_abs()),
        (_, 10) => crate::types::int::text::decimal(vm, &int.to_big())?,
        _ => int.to_big().to_str_radix(radix),
    };
    let digits = if kind == 'X' { digits.to_uppercase() } else { digits };
    let digits = digits.trim_start_matches('-');
    let parts = NumberParts { negative: int.is_negative(), prefix: if spec.alternate { prefix } else { "" }, digits, ..NumberParts::default() };
    Ok(spec.write_number(vm, parts, &locale)?.into_value())
}

/// `float.__format__`.
pub fn format_float(vm: &mut Vm, value: &Value, spec: &Py<Str>) -> PyResult {
    if spec.is_empty() {
        return Ok(vm.str(value)?.into_value());
    }
    let parsed = FormatSpec::parse(vm, spec, value, '\0', Align::Right)?;
    let kind = char::from_u32(parsed.kind).unwrap_or('\u{1}');
    let f = float_value(value).unwrap_or(0.0);
    match kind {
        '\0' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'n' | '%' => format_real(vm, f, &parsed, kind),
        _ => Err(parsed.unknown_kind(vm, value)),
    }
}

/// Refuses precisions beyond C's `int`, and those whose digits there is no memory for.
pub fn check_precision(vm: &mut Vm, precision: Option<usize>) -> PyResult<()> {
    /// From here on memory is asked for first: the digits, and the copies that are made of them.
    const LARGE: usize = 1 << 16;
    const COPIES: usize = 4;
    /// C's `int`, less the room for sign, point and exponent.
    const MOST: usize = i32::MAX as usize - 1024;
    match precision {
        Some(p) if p > MOST => Err(vm.value_error("precision too big")),
        Some(p) if p > LARGE && Vec::<u8>::new().try_reserve_exact(p * COPIES).is_err() => Err(vm.memory_error()),
        _ => Ok(()),
    }
}

/// The digits for a format kind: default precisions, `%` and `n` resolved.
fn real_digits(f: f64, spec: &FormatSpec, kind: char, add_dot_0: bool) -> (Decimal, &'static str) {
    let (f, kind, suffix) = match kind {
        '%' => (f * 100.0, 'f', "%"),
        'n' => (f, 'g', ""),
        k => (f, k, ""),
    };
    if f.is_nan() || f.is_infinite() {
        let text = if f.is_nan() { "nan" } else { "inf" };
        let text = if kind.is_ascii_uppercase() { text.to_uppercase() } else { text.to_owned() };
        return (Decimal { whole: text, ..Decimal::default() }, suffix);
    }
    let digits = match (kind, spec.precision) {
        ('\0', None) => decimal(f, 'r', 0, spec.alternate, add_dot_0),
        ('\0', Some(p)) => decimal(f, 'g', p, spec.alternate, add_dot_0),
        (k, p) => decimal(f, k, p.unwrap_or(6), spec.alternate, false),
    };
    (digits, suffix)
}

fn format_real(vm: &mut Vm, f: f64, spec: &FormatSpec, kind: char) -> PyResult {
    check_precision(vm, spec.precision)?;
    let (digits, suffix) = real_digits(f, spec, kind, true);
    let mut negative = f.is_sign_negative() && !f.is_nan();
    if spec.no_neg_zero && is_zero(&digits) {
        negative = false;
    }
    let mut locale = spec.locale();
    if !f.is_finite() {
        locale.grouping = std::borrow::Cow::Borrowed(&[]);
    }
    let mut rest = digits.exponent;
    rest.push_str(suffix);
    let parts = NumberParts { negative, prefix: "", digits: &digits.whole, point: digits.point, fraction: &digits.fraction, rest: &rest };
    Ok(spec.write_number(vm, parts, &locale)?.into_value())
}

fn is_zero(d: &Decimal) -> bool {
    d.whole.bytes().chain(d.fraction.bytes()).all(|b| b == b'0')
}

/// `complex.__format__`.
pub fn format_complex(vm: &mut Vm, value: &Value, spec: &Py<Str>) -> PyResult {
    if spec.is_empty() {
        return Ok(vm.str(value)?.into_value());
    }
    let parsed = FormatSpec::parse(vm, spec, value, '\0', Align::Right)?;
    let kind = char::from_u32(parsed.kind).unwrap_or('\u{1}');
    if !matches!(kind, '\0' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'n') {
        return Err(parsed.unknown_kind(vm, value));
    }
    check_precision(vm, parsed.precision)?;
    if parsed.fill == 48 {
        return Err(vm.value_error("Zero padding is not allowed in complex format specifier"));
    }
    if parsed.align == Align::AfterSign {
        return Err(vm.value_error("'=' alignment flag is not allowed in complex format specifier"));
    }
    let (real, imag) = vm.as_complex(value)?;
    let skip_real = kind == '\0' && real == 0.0 && real.is_sign_positive();
    let parens = kind == '\0' && !skip_real;
    let bare = FormatSpec { width: None, ..parsed.clone() };
    let real = if skip_real { None } else { Some(part(vm, real, &bare, kind)?) };
    let signed = FormatSpec { sign: if skip_real { bare.sign } else { 43 }, ..bare };
    let imag = part(vm, imag, &signed, kind)?;
    let text = format!(
        "{}{}{}j{}",
        if parens { "(" } else { "" },
        real.map_or_else(String::new, |r| r.to_string_lossy().into_owned()),
        imag.to_string_lossy(),
        if parens { ")" } else { "" }
    );
    let text = vm.new_str(&text)?;
    let padded = FormatSpec { precision: None, ..parsed };
    Ok(padded.write_text(vm, &text)?.into_value())
}

fn part(vm: &mut Vm, f: f64, spec: &FormatSpec, kind: char) -> PyResult<Py<Str>> {
    let (digits, _) = real_digits(f, spec, kind, false);
    let mut digits = digits;
    if kind == '\0' && spec.precision.is_none() && digits.fraction == "0" && !spec.alternate {
        digits.point = false;
        digits.fraction.clear();
    }
    let mut negative = f.is_sign_negative() && !f.is_nan();
    if spec.no_neg_zero && is_zero(&digits) {
        negative = false;
    }
    let mut locale = spec.locale();
    if !f.is_finite() {
        locale.grouping = std::borrow::Cow::Borrowed(&[]);
    }
    let parts = NumberParts { negative, prefix: "", digits: &digits.whole, point: digits.point, fraction: &digits.fraction, rest: &digits.exponent };
    spec.write_number(vm, parts, &locale)
}

#[cfg(test)]
mod tests {
    use super::float_text;

    #[test]
    fn floats_are_written_as_c_does() {
        let cases = [
            (1234.5678, 'f', 2, "1234.57"),
            (1234.5678, 'e', 3, "1.235e+03"),
            (1234.5678, 'g', 6, "1234.57"),
            (1e-10, 'g', 6, "1e-10"),
            (100000.0, 'g', 6, "100000"),
            (1000000.0, 'g', 6, "1e+06"),
            (0.5, 'f', 0, "0"),
            (-2.5, 'F', 1, "-2.5"),
        ];
        for (f, kind, precision, want) in cases {
            assert_eq!(float_text(f, kind, precision, false), want);
        }
    }
}
