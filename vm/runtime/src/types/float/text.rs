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
        return plain(mantissa, exponent);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// `d.ddd` times a power of ten between 1e-4 and 1e15, without an exponent.
fn plain(mantissa: &str, exponent: i32) -> String {
    let unsigned = mantissa.trim_start_matches('-');
    let mut text = String::with_capacity(24);
    if unsigned.len() != mantissa.len() {
        text.push('-');
    }
    let (first, rest) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    match usize::try_from(exponent) {
        Ok(places) => {
            let (whole, fraction) = rest.split_at(places.min(rest.len()));
            text.extend([first, whole, &"000000000000000"[..places - whole.len()], "."]);
            text.push_str(if fraction.is_empty() { "0" } else { fraction });
        }
        Err(_) => text.extend(["0.", &"000"[..exponent.unsigned_abs() as usize - 1], first, rest]),
    }
    text
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

/// No double has more digits than this that are not zero; the formatter of the standard library takes no more than 65,535.
pub const MAX_DIGITS: usize = 1100;

/// `places` digits after the decimal point, correctly rounded: `'%.{places}f'` of a finite float.
pub fn fixed(f: f64, places: usize) -> String {
    if let Some(text) = fixed_in_words(f, places) {
        return text;
    }
    let some = places.min(MAX_DIGITS);
    format!("{f:.some$}") + &"0".repeat(places - some)
}

/// [`fixed`] where the float times the power of ten fits 128 bits with its fraction: the product is exact, and so is its rounding, half to even.
fn fixed_in_words(f: f64, places: usize) -> Option<String> {
    /// `2**53 * 10**22` has 127 bits.
    const PLACES: usize = 22;
    if places > PLACES {
        return None;
    }
    let bits = f.abs().to_bits();
    let (fraction, exponent) = (bits & ((1 << 52) - 1), (bits >> 52) as i32);
    let (mantissa, exponent) = if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
    let down = u32::try_from(-exponent).ok().filter(|&n| n < 128)?;
    let power = 10_u128.pow(places as u32);
    let product = u128::from(mantissa) * power;
    let (mut whole, low) = (product >> down, if down == 0 { 0 } else { product << (128 - down) });
    const HALF: u128 = 1 << 127;
    if low > HALF || (low == HALF && whole & 1 == 1) {
        whole += 1;
    }
    let sign = if f.is_sign_negative() { "-" } else { "" };
    // Division of 128 bits is slow, and mostly 64 will do.
    if let (Ok(whole), Ok(power @ 2..)) = (u64::try_from(whole), u64::try_from(power)) {
        return Some(format!("{sign}{}.{:0places$}", whole / power, whole % power));
    }
    if places == 0 {
        return Some(format!("{sign}{whole}"));
    }
    Some(format!("{sign}{}.{:0places$}", whole / power, whole % power))
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
        for (f, want) in [(1e15, "1000000000000000.0"), (123.0, "123.0"), (-0.00012, "-0.00012"), (0.1, "0.1"), (1234567.125, "1234567.125"), (5e-324, "5e-324")] {
            assert_eq!(repr(f), want);
        }
        assert_eq!(parse("1_0.5"), Some(10.5));
        assert_eq!(parse("1__0"), None);
        assert_eq!(hex(1.5), "0x1.8000000000000p+0");
        assert_eq!(from_hex("0x1.8p1"), Ok(3.0));
        assert_eq!(from_hex("0x1p1024"), Err(HexError::TooLarge));
    }

    #[test]
    fn places_are_those_of_the_standard_library() {
        let mut f: f64 = 0.000_123_456_789;
        while f < 1e30 {
            for f in [f, -f, f.floor() + 0.5, 1.0 / f] {
                for places in [0, 1, 2, 6, 17, 22, 30] {
                    assert_eq!(fixed(f, places), format!("{f:.places$}"));
                }
            }
            f *= 1.7;
        }
        for f in [0.0, -0.0, 0.5, 1.5, 2.5, 0.125, 1e-320, f64::MAX] {
            assert_eq!(fixed(f, 2), format!("{f:.2}"));
        }
    }
}
