//! `binascii`: bytes as ASCII and back.

use krait_runtime::types::bytes::{ByteView, Bytes, ops};
use krait_runtime::types::exceptions::{BaseException, Exception, ValueError};
use krait_runtime::types::str_::Str;
use krait_runtime::types::value::ValueExt;
use krait_runtime::types::type_::PyType;
use krait_runtime::{Args, Py, PyResult, Raised, Value, Vm, module, pyclass, pyfunction, pymethods};

/// The input is not what the encoding allows.
#[pyclass(name = "Error", module = "binascii", base = ValueError, flags(BASETYPE))]
#[repr(C)]
struct Error {
    base: ValueError,
}

#[pymethods]
impl Error {
    #[new]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        krait_runtime::types::exceptions::new_of::<Error>(vm, cls, args)
    }
}

impl From<BaseException> for Error {
    fn from(base: BaseException) -> Error {
        Error { base: base.into() }
    }
}

/// The input ends too early.
#[pyclass(name = "Incomplete", module = "binascii", base = Exception, flags(BASETYPE))]
#[repr(C)]
struct Incomplete {
    base: Exception,
}

#[pymethods]
impl Incomplete {
    #[new]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        krait_runtime::types::exceptions::new_of::<Incomplete>(vm, cls, args)
    }
}

impl From<BaseException> for Incomplete {
    fn from(base: BaseException) -> Incomplete {
        Incomplete { base: base.into() }
    }
}

fn error(vm: &mut Vm, message: &str) -> Raised {
    vm.raise::<Error>(message)
}

/// Bytes, or ASCII text.
fn ascii_input(vm: &mut Vm, data: &Value) -> PyResult<ByteView> {
    if let Some(s) = data.downcast::<Str>() {
        return match s.as_ascii() {
            Some(s) => Ok(ByteView::Owned(s.as_bytes().to_vec())),
            None => Err(vm.value_error("string argument should contain only ASCII characters")),
        };
    }
    if !vm.is_bytes_like(data) {
        let name = data.type_name();
        return Err(vm.type_error(format!("argument should be bytes, buffer or ASCII string, not '{name}'")));
    }
    vm.byte_view_simple(data)
}

const UU_MAX: usize = 45;

/// Decode a line of uuencoded data.
#[pyfunction(sig = "(data, /)")]
fn a2b_uu(data: &Value, vm: &mut Vm) -> PyResult<Py<Bytes>> {
    let input = ascii_input(vm, data)?;
    let Some((&first, rest)) = input.split_first() else { return Err(error(vm, "Missing length byte")) };
    let len = usize::from(first.wrapping_sub(b' ') & 0o77);
    let mut out = Vec::with_capacity(len);
    let (mut bits, mut buffer, mut at) = (0u32, 0u32, 0);
    while out.len() < len {
        let six = match rest.get(at) {
            // Missing characters at the end stand for blanks.
            None | Some(b'\n' | b'\r') => 0,
            Some(&c) if !(b' '..=b' ' + 64).contains(&c) => return Err(error(vm, "Illegal char")),
            Some(&c) => u32::from(c - b' ') & 0o77,
        };
        at += 1;
        buffer = buffer << 6 | six;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((buffer >> bits) as u8);
            buffer &= (1 << bits) - 1;
        }
    }
    let trailing = rest.get(at..).unwrap_or_default();
    if trailing.iter().any(|&c| !matches!(c, b' ' | b'`' | b'\n' | b'\r')) {
        return Err(error(vm, "Trailing garbage"));
    }
    vm.new_bytes(&out)
}

/// Uuencode a line of data.
#[pyfunction(sig = "(data, /, *, backtick=False)")]
fn b2a_uu(data: &Value, backtick: bool, vm: &mut Vm) -> PyResult<Py<Bytes>> {
    let input = vm.byte_view_simple(data)?;
    if input.len() > UU_MAX {
        return Err(error(vm, "At most 45 bytes at once"));
    }
    let digit = |six: u32| if backtick && six == 0 { b'`' } else { b' ' + six as u8 };
    let mut out = vec![digit(input.len() as u32)];
    for chunk in input.chunks(3) {
        let n = chunk.iter().chain(&[0, 0]).take(3).fold(0u32, |n, &b| n << 8 | u32::from(b));
        out.extend([18, 12, 6, 0].map(|shift| digit(n >> shift & 63)));
    }
    out.push(b'\n');
    vm.new_bytes(&out)
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64_digit(c: u8) -> Option<u32> {
    Some(match c {
        b'A'..=b'Z' => u32::from(c - b'A'),
        b'a'..=b'z' => u32::from(c - b'a') + 26,
        b'0'..=b'9' => u32::from(c - b'0') + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

/// Decode base64. In strict mode nothing but base64 is accepted.
#[pyfunction(sig = "(data, /, *, strict_mode=False)")]
fn a2b_base64(data: &Value, strict_mode: bool, vm: &mut Vm) -> PyResult<Py<Bytes>> {
    let input = ascii_input(vm, data)?;
    let mut out = Vec::with_capacity(input.len() / 4 * 3);
    let (mut quad, mut left, mut pads, mut digits) = (0u32, 0u32, 0u32, 0usize);
    if strict_mode && input.first() == Some(&b'=') {
        return Err(error(vm, "Leading padding not allowed"));
    }
    for (i, &c) in input.iter().enumerate() {
        if c == b'=' {
            pads += 1;
            if strict_mode && quad == 0 {
                return Err(error(vm, "Excess padding not allowed"));
            }
            if strict_mode && quad == 1 {
                break;
            }
            if strict_mode && quad + pads >= 4 && i + 1 < input.len() {
                let what = match input.get(i + 1) {
                    Some(b'=') => "Excess padding not allowed",
                    Some(&next) if base64_digit(next).is_none() => "Only base64 data is allowed",
                    _ => "Excess data after padding",
                };
                return Err(error(vm, what));
            }
            continue;
        }
        let Some(six) = base64_digit(c) else {
            if strict_mode {
                return Err(error(vm, "Only base64 data is allowed"));
            }
            continue;
        };
        if strict_mode && pads > 0 {
            return Err(error(vm, "Discontinuous padding not allowed"));
        }
        pads = 0;
        digits += 1;
        match quad {
            0 => left = six,
            1 => {
                out.push((left << 2 | six >> 4) as u8);
                left = six & 15;
            }
            2 => {
                out.push((left << 4 | six >> 2) as u8);
                left = six & 3;
            }
            _ => out.push((left << 6 | six) as u8),
        }
        quad = (quad + 1) % 4;
    }
    if quad == 1 || (quad != 0 && quad + pads < 4) {
        if quad == 1 {
            return Err(error(
                vm,
                &format!("Invalid base64-encoded string: number of data characters ({digits}) cannot be 1 more than a multiple of 4"),
            ));
        }
        return Err(error(vm, "Incorrect padding"));
    }
    vm.new_bytes(&out)
}

/// Encode as base64, with a newline at the end unless it is not wanted.
#[pyfunction(sig = "(data, /, *, newline=True)")]
fn b2a_base64(data: &Value, newline: bool, vm: &mut Vm) -> PyResult<Py<Bytes>> {
    let input = vm.byte_view_simple(data)?;
    let mut out = Vec::new();
    vm.reserve(&mut out, input.len() / 3 * 4 + 5)?;
    for chunk in input.chunks(3) {
        let n = chunk.iter().chain(&[0, 0]).take(3).fold(0u32, |n, &b| n << 8 | u32::from(b));
        let mut digits = [18, 12, 6, 0].map(|shift| BASE64[(n >> shift & 63) as usize]);
        if chunk.len() < 3 {
            digits[3] = b'=';
        }
        if chunk.len() < 2 {
            digits[2] = b'=';
        }
        out.extend(digits);
    }
    if newline {
        out.push(b'\n');
    }
    vm.new_bytes(&out)
}

fn from_hex(vm: &mut Vm, hexstr: &Value) -> PyResult<Py<Bytes>> {
    let input = ascii_input(vm, hexstr)?;
    if input.len() % 2 != 0 {
        return Err(error(vm, "Odd-length string"));
    }
    let digit = |b: u8| char::from(b).to_digit(16);
    let mut out = Vec::with_capacity(input.len() / 2);
    for pair in input.chunks(2) {
        match pair {
            [a, b] if digit(*a).is_some() && digit(*b).is_some() => {
                out.push((digit(*a).unwrap_or(0) << 4 | digit(*b).unwrap_or(0)) as u8);
            }
            _ => return Err(error(vm, "Non-hexadecimal digit found")),
        }
    }
    vm.new_bytes(&out)
}

fn to_hex(vm: &mut Vm, data: &Value, sep: Option<&Value>, group: i32) -> PyResult<Py<Bytes>> {
    let sep = ops::hex_args(vm, sep, group, 0x100)?;
    let input = vm.byte_view_simple(data)?;
    let text = ops::hex(vm, &input, sep)?;
    vm.new_bytes(&text)
}

/// Bytes from hexadecimal digits.
#[pyfunction(sig = "(hexstr, /)")]
fn a2b_hex(hexstr: &Value, vm: &mut Vm) -> PyResult<Py<Bytes>> {
    from_hex(vm, hexstr)
}

/// Bytes from hexadecimal digits.
#[pyfunction(sig = "(hexstr, /)")]
fn unhexlify(hexstr: &Value, vm: &mut Vm) -> PyResult<Py<Bytes>> {
    from_hex(vm, hexstr)
}

/// Hexadecimal digits of bytes; see bytes.hex().
#[pyfunction(sig = "(data, sep=?, bytes_per_sep=1)", text = "($module, /, data, sep=<unrepresentable>, bytes_per_sep=1)")]
fn b2a_hex(data: &Value, sep: Option<&Value>, bytes_per_sep: i32, vm: &mut Vm) -> PyResult<Py<Bytes>> {
    to_hex(vm, data, sep, bytes_per_sep)
}

/// Hexadecimal digits of bytes; see bytes.hex().
#[pyfunction(sig = "(data, sep=?, bytes_per_sep=1)", text = "($module, /, data, sep=<unrepresentable>, bytes_per_sep=1)")]
fn hexlify(data: &Value, sep: Option<&Value>, bytes_per_sep: i32, vm: &mut Vm) -> PyResult<Py<Bytes>> {
    to_hex(vm, data, sep, bytes_per_sep)
}

/// The CRC-CCITT checksum of data, going on from crc.
#[pyfunction(sig = "(data, crc, /)")]
fn crc_hqx(data: &Value, crc: &Value, vm: &mut Vm) -> PyResult<u32> {
    let input = vm.byte_view_simple(data)?;
    let mut crc = mask(vm, crc)? & 0xffff;
    for &b in input.iter() {
        crc ^= u32::from(b) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 != 0 { (crc << 1 ^ 0x1021) & 0xffff } else { crc << 1 & 0xffff };
        }
    }
    Ok(crc)
}

/// The low 32 bits of an int.
fn mask(vm: &mut Vm, value: &Value) -> PyResult<u32> {
    let index = vm.index(value)?;
    let big = krait_runtime::types::int::IntRef::new(&index).map(|i| i.to_big().into_owned()).unwrap_or_default();
    let low = ((big % (1u64 << 32)) + (1u64 << 32)) % (1u64 << 32);
    Ok(low.iter_u32_digits().next().unwrap_or(0))
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut i = 0;
    while i < 256 {
        let (mut c, mut k) = (i as u32, 0);
        while k < 8 {
            c = if c & 1 != 0 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 };
            k += 1;
        }
        table[i] = c;
        i += 1;
    }
    table
};

/// The CRC-32 checksum of data, going on from crc.
#[pyfunction(sig = "(data, crc=?, /)", text = "($module, data, crc=0, /)")]
fn crc32(data: &Value, crc: Option<&Value>, vm: &mut Vm) -> PyResult<u32> {
    let input = vm.byte_view_simple(data)?;
    let start = match crc {
        Some(crc) => mask(vm, crc)?,
        None => 0,
    };
    Ok(!input.iter().fold(!start, |crc, &b| CRC_TABLE[((crc ^ u32::from(b)) & 0xff) as usize] ^ (crc >> 8)))
}

/// Decode quoted-printable; with header, underscores are blanks.
#[pyfunction(sig = "(data, header=False)")]
fn a2b_qp(data: &Value, header: bool, vm: &mut Vm) -> PyResult<Py<Bytes>> {
    let input = ascii_input(vm, data)?;
    let digit = |i: usize| input.get(i).and_then(|&b| char::from(b).to_digit(16));
    let (mut out, mut at) = (Vec::with_capacity(input.len()), 0);
    while let Some(&c) = input.get(at) {
        if c != b'=' {
            out.push(if header && c == b'_' { b' ' } else { c });
            at += 1;
            continue;
        }
        at += 1;
        match input.get(at) {
            None => break,
            Some(b'\n' | b'\r') => {
                // A soft line break.
                let rest = input.get(at..).unwrap_or_default();
                at += memchr::memchr(b'\n', rest).map_or(rest.len(), |i| i + 1);
            }
            Some(b'=') => {
                out.push(b'=');
                at += 1;
            }
            Some(_) => match (digit(at), digit(at + 1)) {
                (Some(high), Some(low)) => {
                    out.push((high << 4 | low) as u8);
                    at += 2;
                }
                _ => out.push(b'='),
            },
        }
    }
    vm.new_bytes(&out)
}

/// Encode as quoted-printable.
#[pyfunction(sig = "(data, quotetabs=False, istext=True, header=False)")]
fn b2a_qp(data: &Value, quotetabs: bool, istext: bool, header: bool, vm: &mut Vm) -> PyResult<Py<Bytes>> {
    const MAX: usize = 76;
    let input = vm.byte_view_simple(data)?;
    let first_newline = memchr::memchr(b'\n', &input);
    let crlf = first_newline.is_some_and(|i| i > 0 && input.get(i - 1) == Some(&b'\r'));
    // Each byte takes three, and a line break comes behind 75 at least.
    vm.require_room(input.len() * 4)?;
    let (mut out, mut line, mut at): (Vec<u8>, usize, usize) = (Vec::with_capacity(input.len() * 4), 0, 0);
    let newline: &[u8] = if crlf { b"\r\n" } else { b"\n" };
    let escape = |out: &mut Vec<u8>, b: u8| out.extend_from_slice(format!("={b:02X}").as_bytes());
    while let Some(&c) = input.get(at) {
        let next = input.get(at + 1).copied();
        let last = at + 1 == input.len();
        let quoted = c > 126
            || c == b'='
            || (header && c == b'_')
            || (c == b'.' && line == 0 && (last || matches!(next, Some(b'\n' | b'\r' | 0))))
            || (!istext && (c == b'\r' || c == b'\n'))
            || ((c == b'\t' || c == b' ') && last)
            || (c < 33 && c != b'\r' && c != b'\n' && c != b'\t' && c != b' ')
            || (c < 33 && c != b'\r' && c != b'\n' && (quotetabs || (c != b'\t' && c != b' ')));
        if quoted {
            if line + 3 >= MAX {
                out.push(b'=');
                out.extend_from_slice(newline);
                line = 0;
            }
            escape(&mut out, c);
            at += 1;
            line += 3;
            continue;
        }
        if istext && (c == b'\n' || (c == b'\r' && next == Some(b'\n'))) {
            line = 0;
            // Blanks at the end of a line would be lost.
            if let Some(&end @ (b' ' | b'\t')) = out.last() {
                out.pop();
                escape(&mut out, end);
            }
            out.extend_from_slice(newline);
            at += if c == b'\r' { 2 } else { 1 };
            continue;
        }
        if !last && next != Some(b'\n') && line + 1 >= MAX {
            out.push(b'=');
            out.extend_from_slice(newline);
            line = 0;
        }
        line += 1;
        out.push(if header && c == b' ' { b'_' } else { c });
        at += 1;
    }
    vm.new_bytes(&out)
}

module! {
    "binascii",
    doc: "Conversion between binary data and ASCII.",
    functions: [a2b_uu, b2a_uu, a2b_base64, b2a_base64, a2b_hex, b2a_hex, hexlify, unhexlify, crc_hqx, crc32, a2b_qp, b2a_qp],
    types: [Error, Incomplete],
}
