//! Ints and text: `repr`, and what `int()` makes of strings and other objects.

use super::{Int, IntRef};
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Value, Vm};
use num_bigint::BigInt;
use std::borrow::Cow;

/// Decimal digits below which the limit of `sys.set_int_max_str_digits` is not looked at.
const CHECK_THRESHOLD: u64 = 640;

/// Bits from which `_pylong` takes over the conversion to text, as in CPython: its divide and conquer is faster from there on.
const PYLONG_BITS: u64 = 1000 * 30;

/// Digits from which `_pylong` takes over the conversion from text.
const PYLONG_DIGITS: usize = 6000;

/// `_pylong.int_to_decimal_string(big)`.
fn pylong_decimal(vm: &mut Vm, big: &BigInt) -> PyResult<String> {
    let int = vm.new_bigint(big.clone())?;
    let text = pylong(vm, "int_to_decimal_string", &[int])?;
    match text.downcast::<Str>() {
        Some(text) => Ok(text.to_string_lossy().into_owned()),
        None => Err(vm.type_error("_pylong.int_to_decimal_string did not return a str")),
    }
}

/// `_pylong.int_from_string(digits)`.
fn pylong_parse(vm: &mut Vm, digits: &str) -> PyResult {
    let text = vm.new_str(digits)?.into_value();
    let int = pylong(vm, "int_from_string", &[text])?;
    if IntRef::new(&int).is_none() {
        return Err(vm.type_error("_pylong.int_from_string did not return an int"));
    }
    Ok(int)
}

/// A function of `_pylong`, which holds the algorithms for very big ints.
pub(super) fn pylong(vm: &mut Vm, function: &str, args: &[Value]) -> PyResult {
    let module = crate::types::object::import(vm, "_pylong")?;
    let function = vm.getattr_str(&module, function)?;
    vm.call(&function, args)
}

/// `str()` of an int; ValueError beyond the limit of digits.
pub fn to_str(vm: &mut Vm, int: &IntRef<'_>) -> PyResult<Py<Str>> {
    match int {
        IntRef::Small(i) => {
            let mut buffer = itoa::Buffer::new();
            vm.new_str(buffer.format(*i))
        }
        IntRef::Big(big) => {
            let text = decimal(vm, big)?;
            vm.new_str(&text)
        }
    }
}

/// The decimal digits of a big int; ValueError beyond the limit.
pub fn decimal(vm: &mut Vm, big: &BigInt) -> PyResult<String> {
    let limit = vm.interp.int_max_str_digits.get() as u64;
    let too_long = |vm: &mut Vm| {
        Err(vm.value_error(format!("Exceeds the limit ({limit} digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit")))
    };
    // A number of b bits has at least (b - 1) * 0.30103 digits.
    let at_least = (big.bits().saturating_sub(1)) * 30103 / 100_000;
    if limit > 0 && at_least > limit && at_least > CHECK_THRESHOLD {
        return too_long(vm);
    }
    if big.bits() > PYLONG_BITS {
        return pylong_decimal(vm, big);
    }
    let text = big.to_str_radix(10);
    let digits = text.trim_start_matches('-').len() as u64;
    if limit > 0 && digits > limit && digits > CHECK_THRESHOLD {
        return too_long(vm);
    }
    Ok(text)
}

/// `int(x=0, /, base=10)`.
pub fn construct(vm: &mut Vm, args: Args<'_>) -> PyResult {
    let positional = args.positional();
    if positional.len() + args.kwnames().len() > 2 {
        let n = positional.len() + args.kwnames().len();
        return Err(vm.type_error(format!("int() takes at most 2 arguments ({n} given)")));
    }
    let mut base = positional.get(1).cloned();
    for (name, value) in args.keywords() {
        let is_base = name.downcast::<Str>().is_some_and(|n| n.eq_str("base"));
        if !is_base || base.is_some() {
            let name = name.downcast::<Str>().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            return Err(vm.type_error(format!("int() got an unexpected keyword argument '{name}'")));
        }
        base = Some(value.clone());
    }
    let Some(x) = positional.first() else {
        return if base.is_some() { Err(vm.type_error("int() missing string argument")) } else { Ok(Value::from_i32(0)) };
    };
    let Some(base) = base else { return from_object(vm, x) };
    let base = vm.index(&base)?;
    let radix = match IntRef::new(&base).and_then(|b| b.to_i64()) {
        Some(b) if b == 0 || (2..=36).contains(&b) => b as u32,
        _ => return Err(vm.value_error("int() base must be >= 2 and <= 36, or 0")),
    };
    if let Some(s) = x.downcast::<Str>() {
        let text = ascii_form(s);
        return parse_or_raise(vm, &text, radix, x);
    }
    if x.is::<crate::types::bytes::Bytes>() || x.is::<crate::types::bytearray::ByteArray>() {
        let bytes = vm.bytes_of(x)?;
        return parse_bytes(vm, &bytes, radix, x);
    }
    Err(vm.type_error("int() can't convert non-string with explicit base"))
}

/// `int(x)`.
pub fn from_object(vm: &mut Vm, x: &Value) -> PyResult {
    if x.is_small_int() || x.is_exact::<Int>() {
        return Ok(x.clone());
    }
    if x.is_true() || x.is_false() {
        return Ok(Value::from_i32(i32::from(x.is_true())));
    }
    let slots = &x.type_ref().slots;
    if let Some(slot) = slots.nb_int.get() {
        let result = slot(vm, x)?;
        return plain_int(vm, result, "__int__");
    }
    if slots.nb_index.get().is_some() {
        let index = vm.index(x)?;
        // `vm.index` has warned of subclasses.
        return match IntRef::new(&index) {
            Some(IntRef::Small(i)) => vm.new_int(i),
            Some(IntRef::Big(b)) => vm.new_bigint(b.clone()),
            None => Ok(index),
        };
    }
    if let Some(s) = x.downcast::<Str>() {
        let text = ascii_form(s);
        return parse_or_raise(vm, &text, 10, x);
    }
    if slots.buffer.get().is_some() {
        let bytes = vm.bytes_of(x)?;
        return parse_bytes(vm, &bytes, 10, x);
    }
    let name = x.type_name();
    Err(vm.type_error(format!("int() argument must be a string, a bytes-like object or a real number, not '{name}'")))
}

fn plain_int(vm: &mut Vm, result: Value, method: &str) -> PyResult {
    if result.is_small_int() || result.is_exact::<Int>() {
        return Ok(result);
    }
    let name = result.type_name();
    let Some(int) = IntRef::new(&result) else { return Err(vm.type_error(format!("{method} returned non-int (type {name})"))) };
    vm.warn_deprecated(&format!(
        "{method} returned non-int (type {name}).  The ability to return an instance of a strict subclass of int is deprecated, and may not be \
         supported in a future version of Python."
    ))?;
    match int {
        IntRef::Small(i) => vm.new_int(i),
        IntRef::Big(b) => vm.new_bigint(b.clone()),
    }
}

/// Decimal digits of any script as ASCII digits, other white space as a space; anything else as `?`.
pub fn ascii_form(s: &Str) -> Cow<'_, str> {
    if let Some(text) = s.as_ascii() {
        return Cow::Borrowed(text);
    }
    let text: String = s
        .chars()
        .map(|c| match c {
            0..0x80 => c as u8 as char,
            _ if krait_unicode::is_space(c) => ' ',
            _ => krait_unicode::decimal(c).and_then(|d| char::from_digit(u32::from(d), 10)).unwrap_or('?'),
        })
        .collect();
    Cow::Owned(text)
}

fn parse_bytes(vm: &mut Vm, bytes: &[u8], radix: u32, original: &Value) -> PyResult {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => parse_or_raise(vm, text, radix, original),
        _ => Err(invalid_literal(vm, radix, original)),
    }
}

fn parse_or_raise(vm: &mut Vm, text: &str, radix: u32, original: &Value) -> PyResult {
    let Some(Digits { negative, digits, radix: actual }) = scan(text, radix) else { return Err(invalid_literal(vm, radix, original)) };
    let limit = vm.interp.int_max_str_digits.get();
    let n = digits.len() as i64;
    if !actual.is_power_of_two() && limit > 0 && n > limit && n > CHECK_THRESHOLD as i64 {
        return Err(vm.value_error(format!(
            "Exceeds the limit ({limit} digits) for integer string conversion: value has {n} digits; use sys.set_int_max_str_digits() to increase the limit"
        )));
    }
    if digits.len() <= 64
        && let Ok(i) = i64::from_str_radix(&digits, actual) {
            return vm.new_int(if negative { -i } else { i });
        }
    if actual == 10 && digits.len() > PYLONG_DIGITS {
        let int = pylong_parse(vm, &digits)?;
        return match (negative, IntRef::new(&int)) {
            (true, Some(i)) => vm.new_bigint(-i.to_big().into_owned()),
            _ => Ok(int),
        };
    }
    match BigInt::parse_bytes(digits.as_bytes(), actual) {
        Some(big) => vm.new_bigint(if negative { -big } else { big }),
        None => Err(invalid_literal(vm, radix, original)),
    }
}

#[cold]
fn invalid_literal(vm: &mut Vm, radix: u32, original: &Value) -> crate::Raised {
    let shown = match vm.repr(original) {
        Ok(r) => r.chars().take(200).map(|c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>(),
        Err(e) => return e,
    };
    vm.value_error(format!("invalid literal for int() with base {radix}: {shown}"))
}

struct Digits<'a> {
    negative: bool,
    digits: Cow<'a, str>,
    radix: u32,
}

/// What a run of digits holds.
struct Look {
    underscores: bool,
    non_zero: bool,
}

/// One pass over the digits, none if they are not such: texts of any length come here before their length is limited.
fn look(body: &[u8], radix: u32) -> Option<Look> {
    // Without a branch: many bytes at a time.
    if radix >= 10 && !body.is_empty() && body.iter().fold(true, |all, b| all & b.is_ascii_digit()) {
        return Some(Look { underscores: false, non_zero: body.iter().any(|&b| b != b'0') });
    }
    let (mut found, mut last) = (Look { underscores: false, non_zero: false }, b'_');
    for &byte in body {
        let digit = match byte {
            b'_' if last == b'_' => return None,
            b'_' => 0,
            b'0'..=b'9' => u32::from(byte - b'0'),
            b'a'..=b'z' => u32::from(byte - b'a') + 10,
            b'A'..=b'Z' => u32::from(byte - b'A') + 10,
            _ => return None,
        };
        if digit >= radix {
            return None;
        }
        found.underscores |= byte == b'_';
        found.non_zero |= digit != 0;
        last = byte;
    }
    (last != b'_').then_some(found)
}

/// Takes an integer literal apart: white space, sign, prefix, digits with single underscores between them.
fn scan(text: &str, radix: u32) -> Option<Digits<'_>> {
    let white = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1f');
    let text = text.trim_matches(white);
    let (negative, text) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let prefix = |r: u32, lower: &str, upper: &str| (radix == r || radix == 0).then(|| text.strip_prefix(lower).or(text.strip_prefix(upper))).flatten();
    let (radix_found, body) = if let Some(rest) = prefix(16, "0x", "0X") {
        (16, rest.strip_prefix('_').unwrap_or(rest))
    } else if let Some(rest) = prefix(8, "0o", "0O") {
        (8, rest.strip_prefix('_').unwrap_or(rest))
    } else if let Some(rest) = prefix(2, "0b", "0B") {
        (2, rest.strip_prefix('_').unwrap_or(rest))
    } else {
        (if radix == 0 { 10 } else { radix }, text)
    };
    let Look { underscores, non_zero } = look(body.as_bytes(), radix_found)?;
    let leading_zero = radix == 0 && radix_found == 10 && body.starts_with('0') && non_zero;
    let digits = if underscores { Cow::Owned(body.replace('_', "")) } else { Cow::Borrowed(body) };
    (!leading_zero).then_some(Digits { negative, digits, radix: radix_found })
}
