//! Floats and text: `repr`, parsing, hexadecimal form.

use num_bigint::BigUint;
use num_traits::ToPrimitive;

/// `repr()`: the shortest digits that read back the same.
pub fn repr(f: f64) -> String {
    if f.is_nan() {
        return "nan".into();
    }
    if f.is_infinite() {
        return if f > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let scientific = format!("{f:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{f}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// What `float(text)` reads: white space around, underscores between digits, `inf`, `nan`. `text` has ASCII digits only.
pub fn parse(text: &str) -> Option<f64> {
    let white = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1f');
    let text = text.trim_matches(white);
    if !text.contains('_') {
        return parse_plain(text);
    }
    let bytes = text.as_bytes();
    for (i, &b) in bytes.iter().enumerate() {
        let digit = |j: Option<usize>| j.and_then(|j| bytes.get(j)).is_some_and(u8::is_ascii_digit);
        if b == b'_' && !(digit(i.checked_sub(1)) && digit(i.checked_add(1))) {
            return None;
        }
    }
    parse_plain(&text.replace('_', ""))
}

/// Decimal text without white space and underscores.
pub fn parse_plain(text: &str) -> Option<f64> {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let first = *body.as_bytes().first()?;
    if first.is_ascii_digit() || first == b'.' {
        // Rust reads the same decimal forms, correctly rounded.
        return if body.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-')) { text.parse().ok() } else { None };
    }
    let value = match body.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => f64::INFINITY,
        "nan" => f64::NAN,
        _ => return None,
    };
    Some(if text.starts_with('-') { -value } else { value })
}

/// `float.hex()`.
pub fn hex(f: f64) -> String {
    if !f.is_finite() {
        return repr(f);
    }
    let sign = if f.is_sign_negative() { "-" } else { "" };
    let bits = f.to_bits();
    let (fraction, exponent) = (bits & ((1 << 52) - 1), (bits >> 52 & 0x7ff) as i32);
    if f == 0.0 {
        return format!("{sign}0x0.0p+0");
    }
    let (lead, exponent) = if exponent == 0 { (0, -1022) } else { (1, exponent - 1023) };
    format!("{sign}0x{lead}.{fraction:013x}p{exponent:+}")
}

/// Why [`from_hex`] refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HexError {
    Invalid,
    TooLarge,
}

/// `float.fromhex()`.
pub fn from_hex(text: &str) -> Result<f64, HexError> {
    let white = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c');
    let text = text.trim_matches(white);
    let negative = text.starts_with('-');
    let body = text.strip_prefix(['+', '-']).unwrap_or(text).to_ascii_lowercase();
    if matches!(body.as_str(), "inf" | "infinity" | "nan") {
        return parse_plain(text).ok_or(HexError::Invalid);
    }
    let body = body.strip_prefix("0x").unwrap_or(&body);
    let (digits, exponent) = match body.split_once('p') {
        Some((d, e)) => {
            let unsigned = e.strip_prefix(['+', '-']).unwrap_or(e);
            if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
                return Err(HexError::Invalid);
            }
            let huge = if e.starts_with('-') { i64::MIN / 4 } else { i64::MAX / 4 };
            (d, e.parse::<i64>().unwrap_or(huge).clamp(i64::MIN / 4, i64::MAX / 4))
        }
        None => (body, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all: String = [whole, fraction].concat();
    if all.is_empty() || !all.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(HexError::Invalid);
    }
    let Some(mantissa) = BigUint::parse_bytes(all.as_bytes(), 16) else { return Err(HexError::Invalid) };
    let sign = |f: f64| if negative { -f } else { f };
    if mantissa.bits() == 0 {
        return Ok(sign(0.0));
    }
    let exponent = exponent.saturating_sub(4 * fraction.len() as i64);
    round(&mantissa, exponent).map(sign).ok_or(HexError::TooLarge)
}

/// `mantissa * 2**exponent`, halves to even; none on overflow.
fn round(mantissa: &BigUint, exponent: i64) -> Option<f64> {
    let bits = mantissa.bits() as i64;
    let top = exponent.saturating_add(bits);
    if top > 1024 {
        return None;
    }
    if top < -1075 {
        return Some(0.0);
    }
    // Bits to cut off: beyond 53, or below 2**-1074.
    let cut = (bits - 53).max(-1074 - exponent).max(0) as u64;
    let mut kept = mantissa >> cut;
    if cut > 0 {
        let low = mantissa - (&kept << cut);
        let half = BigUint::from(1u8) << (cut - 1);
        if low > half || (low == half && kept.bit(0)) {
            kept += 1u8;
        }
    }
    let f = super::ldexp(kept.to_f64()?, exponent + cut as i64);
    f.is_finite().then_some(f)
}

/// Digits after the decimal point, correctly rounded: `'%.{n}f'`.
pub fn fixed(f: f64, digits: usize) -> String {
    format!("{f:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_pythons() {
        let cases = [(1.0, "1.0"), (1e16, "1e+16"), (1e-5, "1e-05"), (0.0001, "0.0001"), (123456789012345680.0, "1.2345678901234568e+17"), (-0.0, "-0.0"), (1e22, "1e+22")];
        for (f, want) in cases {
            assert_eq!(repr(f), want);
        }
        assert_eq!(parse("1_0.5"), Some(10.5));
        assert_eq!(parse("1__0"), None);
        assert_eq!(hex(1.5), "0x1.8000000000000p+0");
        assert_eq!(from_hex("0x1.8p1"), Ok(3.0));
        assert_eq!(from_hex("0x1p1024"), Err(HexError::TooLarge));
    }
}
