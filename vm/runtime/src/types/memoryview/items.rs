//! Items of memory in the native formats of `struct`.

use crate::types::bytes::Bytes;
use crate::types::int::IntRef;
use crate::{PyResult, Raised, Value, Vm};

/// Bytes of an item in a native format.
pub fn size(format: u8) -> Option<usize> {
    Some(match format {
        b'c' | b'b' | b'B' | b'?' => 1,
        b'h' | b'H' | b'e' => 2,
        b'i' | b'I' | b'f' => 4,
        b'l' | b'L' | b'q' | b'Q' | b'n' | b'N' | b'd' | b'P' => 8,
        _ => return None,
    })
}

/// The one format character of a native format; none if it is another format.
pub fn single(format: &str) -> Option<u8> {
    match format.strip_prefix('@').unwrap_or(format).as_bytes() {
        [c] if size(*c).is_some() => Some(*c),
        _ => None,
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(bytes).for_each(|(a, b)| *a = *b);
    out
}

/// The object that stands in `bytes`.
pub fn unpack(vm: &mut Vm, format: u8, bytes: &[u8]) -> PyResult {
    match format {
        b'B' => vm.new_int(u8::from_ne_bytes(array(bytes))),
        b'b' => vm.new_int(i8::from_ne_bytes(array(bytes))),
        b'?' => Ok(Value::from_bool(bytes.first() != Some(&0))),
        b'c' => Ok(vm.new_bytes(bytes)?.into_value()),
        b'h' => vm.new_int(i16::from_ne_bytes(array(bytes))),
        b'H' => vm.new_int(u16::from_ne_bytes(array(bytes))),
        b'i' => vm.new_int(i32::from_ne_bytes(array(bytes))),
        b'I' => vm.new_int(u32::from_ne_bytes(array(bytes))),
        b'l' | b'q' | b'n' => vm.new_int(i64::from_ne_bytes(array(bytes))),
        b'L' | b'Q' | b'N' | b'P' => vm.new_int(u64::from_ne_bytes(array(bytes))),
        b'e' => vm.new_float(half_to_f64(u16::from_ne_bytes(array(bytes)))),
        b'f' => vm.new_float(f64::from(f32::from_ne_bytes(array(bytes)))),
        b'd' => vm.new_float(f64::from_ne_bytes(array(bytes))),
        _ => Err(unsupported(vm, format)),
    }
}

#[cold]
fn unsupported(vm: &mut Vm, format: u8) -> Raised {
    vm.not_implemented_error(format!("memoryview: format {} not supported", char::from(format)))
}

/// What a conversion raised, said of the item.
#[cold]
fn fix_error(vm: &mut Vm, e: Raised, letter: char) -> Raised {
    use crate::types::exceptions::{OverflowError, TypeError, ValueError};
    if vm.is_raised::<TypeError>(&e) {
        vm.type_error(format!("memoryview: invalid type for format '{letter}'"))
    } else if vm.is_raised::<OverflowError>(&e) || vm.is_raised::<ValueError>(&e) {
        vm.value_error(format!("memoryview: invalid value for format '{letter}'"))
    } else {
        e
    }
}

/// The bytes that stand for `value`.
pub fn pack(vm: &mut Vm, format: u8, value: &Value) -> PyResult<Vec<u8>> {
    let letter = char::from(format);
    let bad_type = |vm: &mut Vm| vm.type_error(format!("memoryview: invalid type for format '{letter}'"));
    let bad_value = |vm: &mut Vm| vm.value_error(format!("memoryview: invalid value for format '{letter}'"));
    match format {
        b'?' => return Ok(vec![u8::from(vm.is_true(value)?)]),
        b'c' => {
            return match value.downcast::<Bytes>() {
                Some(b) if b.len() == 1 => Ok(b.as_bytes().to_vec()),
                Some(_) => Err(bad_value(vm)),
                None => Err(bad_type(vm)),
            };
        }
        b'e' | b'f' | b'd' => {
            let f = match vm.as_f64(value) {
                Ok(f) => f,
                Err(e) => return Err(fix_error(vm, e, letter)),
            };
            return match format {
                b'd' => Ok(f.to_ne_bytes().to_vec()),
                b'f' => f32_of(f).map(|f| f.to_ne_bytes().to_vec()).ok_or_else(|| bad_value(vm)),
                _ => f64_to_half(f).map(|h| h.to_ne_bytes().to_vec()).ok_or_else(|| bad_value(vm)),
            };
        }
        _ => {}
    }
    let index = match vm.index(value) {
        Ok(index) => index,
        Err(e) => return Err(fix_error(vm, e, letter)),
    };
    let Some(i) = IntRef::new(&index).and_then(|i| i.to_i128()) else { return Err(bad_value(vm)) };
    let made = match format {
        b'B' => u8::try_from(i).map(|i| i.to_ne_bytes().to_vec()),
        b'b' => i8::try_from(i).map(|i| i.to_ne_bytes().to_vec()),
        b'h' => i16::try_from(i).map(|i| i.to_ne_bytes().to_vec()),
        b'H' => u16::try_from(i).map(|i| i.to_ne_bytes().to_vec()),
        b'i' => i32::try_from(i).map(|i| i.to_ne_bytes().to_vec()),
        b'I' => u32::try_from(i).map(|i| i.to_ne_bytes().to_vec()),
        b'l' | b'q' | b'n' => i64::try_from(i).map(|i| i.to_ne_bytes().to_vec()),
        b'L' | b'Q' | b'N' | b'P' => u64::try_from(i).map(|i| i.to_ne_bytes().to_vec()),
        _ => return Err(unsupported(vm, format)),
    };
    made.map_err(|_| bad_value(vm))
}

/// A double as a float; none if it overflows.
pub fn f32_of(f: f64) -> Option<f32> {
    let narrow = f as f32;
    (narrow.is_finite() || !f.is_finite()).then_some(narrow)
}

/// The value of an IEEE 754 half.
pub fn half_to_f64(h: u16) -> f64 {
    let (sign, exponent, fraction) = (h >> 15, i32::from(h >> 10 & 31), f64::from(h & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if h & 0x3ff == 0 => f64::INFINITY,
        31 => {
            // The payload of a NaN is kept.
            let bits = (u64::from(sign) << 63) | 0x7ff0_0000_0000_0000 | (u64::from(h & 0x3ff) << 42);
            return f64::from_bits(bits);
        }
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    };
    if sign == 1 { -magnitude } else { magnitude }
}

/// A double as a half, rounded to even; none if it overflows.
pub fn f64_to_half(f: f64) -> Option<u16> {
    let sign = ((f.to_bits() >> 63) as u16) << 15;
    if f.is_nan() {
        let payload = (f.to_bits() >> 42 & 0x3ff) as u16;
        return Some(sign | 0x7c00 | if payload == 0 { 0x200 } else { payload });
    }
    if f.is_infinite() {
        return Some(sign | 0x7c00);
    }
    let magnitude = f.abs();
    if magnitude < 2f64.powi(-14) {
        let units = (magnitude * 2f64.powi(24)).round_ties_even();
        return Some(sign | units as u16);
    }
    let exponent = (magnitude.to_bits() >> 52) as i32 - 1023;
    let units = (magnitude / 2f64.powi(exponent) * 1024.0).round_ties_even() as u32;
    let (exponent, units) = if units == 2048 { (exponent + 1, 1024) } else { (exponent, units) };
    if exponent > 15 {
        return None;
    }
    Some(sign | (((exponent + 15) as u16) << 10) | (units as u16 & 0x3ff))
}
