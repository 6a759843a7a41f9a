//! Functions about numbers and characters.

use crate::types::int::IntRef;
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pyfunction};

/// The absolute value of a number.
#[pyfunction(sig = "(number, /)")]
pub fn abs(number: &Value, vm: &mut Vm) -> PyResult {
    match number.type_ref().slots.nb_abs.get() {
        Some(slot) => slot(vm, number),
        None => {
            let name = number.type_name();
            Err(vm.type_error(format!("bad operand type for abs(): '{name}'")))
        }
    }
}

fn radix(vm: &mut Vm, number: &Value, prefix: &str, radix: u32) -> PyResult<Py<Str>> {
    let index = vm.index(number)?;
    let Some(int) = IntRef::new(&index) else { return Err(vm.system_error("index is no int")) };
    let big = int.to_big();
    let sign = if int.is_negative() { "-" } else { "" };
    let text = format!("{sign}{prefix}{}", big.magnitude().to_str_radix(radix));
    vm.new_str(&text)
}

/// The binary form of an integer: `bin(10)` is `'0b1010'`.
#[pyfunction(sig = "(number, /)")]
pub fn bin(number: &Value, vm: &mut Vm) -> PyResult<Py<Str>> {
    radix(vm, number, "0b", 2)
}

/// The octal form of an integer: `oct(8)` is `'0o10'`.
#[pyfunction(sig = "(number, /)")]
pub fn oct(number: &Value, vm: &mut Vm) -> PyResult<Py<Str>> {
    radix(vm, number, "0o", 8)
}

/// The hexadecimal form of an integer: `hex(255)` is `'0xff'`.
#[pyfunction(sig = "(number, /)")]
pub fn hex(number: &Value, vm: &mut Vm) -> PyResult<Py<Str>> {
    radix(vm, number, "0x", 16)
}

/// The string of one character with this code point, from 0 to 0x10ffff.
#[pyfunction(sig = "(i, /)")]
pub fn chr(i: &Value, vm: &mut Vm) -> PyResult<Py<Str>> {
    let index = vm.index(i)?;
    match IntRef::new(&index).and_then(|i| i.to_i64()).and_then(|i| u32::try_from(i).ok()).filter(|&c| c <= 0x10ffff) {
        Some(c) => vm.new_str_ucs4(&[c]),
        None => Err(vm.value_error("chr() arg not in range(0x110000)")),
    }
}

/// The code point of a string of one character.
#[pyfunction(sig = "(character, /)")]
pub fn ord(character: &Value, vm: &mut Vm) -> PyResult<u32> {
    let size = if let Some(s) = character.downcast::<Str>() {
        match (s.len(), s.data().get(0)) {
            (1, Some(c)) => return Ok(c),
            (n, _) => n,
        }
    } else if let Some(b) = character.downcast::<crate::types::bytes::Bytes>() {
        match b.as_bytes() {
            [c] => return Ok(u32::from(*c)),
            other => other.len(),
        }
    } else if let Some(b) = character.downcast::<crate::types::bytearray::ByteArray>() {
        match b.bytes(vm) {
            [c] => return Ok(u32::from(*c)),
            other => other.len(),
        }
    } else {
        let name = character.type_name();
        return Err(vm.type_error(format!("ord() expected string of length 1, but {name} found")));
    };
    Err(vm.type_error(format!("ord() expected a character, but string of length {size} found")))
}

/// `(x // y, x % y)`.
#[pyfunction(sig = "(x, y, /)")]
pub fn divmod(x: &Value, y: &Value, vm: &mut Vm) -> PyResult {
    vm.divmod(x, y)
}

/// `base ** exp`, or `base ** exp % mod` without computing the whole power.
#[pyfunction(sig = "(base, exp, mod=None)")]
pub fn pow(base: &Value, exp: &Value, r#mod: Value, vm: &mut Vm) -> PyResult {
    vm.power(base, exp, &r#mod)
}

/// Format a value after a specification, which the value's type explains.
#[pyfunction(sig = "(value, format_spec='', /)")]
pub fn format(value: &Value, format_spec: Value, vm: &mut Vm) -> PyResult {
    let Some(spec) = format_spec.downcast::<Str>() else {
        let name = format_spec.type_name();
        return Err(vm.type_error(format!("format() argument 2 must be str, not {name}")));
    };
    Ok(vm.format(value, spec)?.into_value())
}

/// Round a number to so many decimal places; without them to an integer.
#[pyfunction(sig = "(number, ndigits=None)")]
pub fn round(number: &Value, ndigits: Value, vm: &mut Vm) -> PyResult {
    let Some(method) = vm.lookup_special(number, n!(__round__))? else {
        let name = number.type_name();
        return Err(vm.type_error(format!("type {name} doesn't define __round__ method")));
    };
    if ndigits.is_none() { vm.call(&method, &[]) } else { vm.call(&method, &[ndigits]) }
}
