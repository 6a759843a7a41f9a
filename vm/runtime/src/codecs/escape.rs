//! `unicode-escape`, `raw-unicode-escape`, and the escapes of bytes literals.

use super::errors::Decoding;
use crate::types::str_::{Str, StrData};
use crate::{PyResult, Vm};

fn hex(input: &[u8], at: usize, max: usize) -> (u32, usize) {
    let (mut value, mut n) = (0u32, 0);
    while n < max {
        let Some(d) = input.get(at + n).and_then(|&b| char::from(b).to_digit(16)) else { break };
        value = value << 4 | d;
        n += 1;
    }
    (value, n)
}

fn octal(input: &[u8], at: usize) -> (u32, usize) {
    let (mut value, mut n) = (0u32, 0);
    while n < 3 {
        let Some(d) = input.get(at + n).and_then(|&b| char::from(b).to_digit(8)) else { break };
        value = value * 8 + d;
        n += 1;
    }
    (value, n)
}

/// What a byte behind a backslash stands for, if it stands alone.
fn simple(b: u8) -> Option<&'static [u8]> {
    Some(match b {
        b'\n' => b"",
        b'\\' => b"\\",
        b'\'' => b"'",
        b'"' => b"\"",
        b'b' => b"\x08",
        b'f' => b"\x0c",
        b't' => b"\t",
        b'n' => b"\n",
        b'r' => b"\r",
        b'v' => b"\x0b",
        b'a' => b"\x07",
        _ => return None,
    })
}

fn warn_escape(vm: &mut Vm, what: &str) -> PyResult<()> {
    super::deprecated(vm, what)
}

/// Decodes `unicode-escape`; gives how many bytes were used.
pub fn decode_unicode(vm: &mut Vm, d: &mut Decoding, is_final: bool) -> PyResult<usize> {
    let (mut at, mut warned) = (0, false);
    while let Some(&byte) = d.input.get(at) {
        if byte != b'\\' {
            let rest = &d.input[at..];
            let n = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
            d.out.push_data(StrData::Latin1(&rest[..n]));
            at += n;
            continue;
        }
        let Some(&c) = d.input.get(at + 1) else {
            if !is_final {
                break;
            }
            at = d.fault(vm, at, at + 1, "\\ at end of string")?;
            continue;
        };
        if let Some(text) = simple(c) {
            d.out.push_data(StrData::Latin1(text));
            at += 2;
            continue;
        }
        let (digits, reason) = match c {
            b'0'..=b'7' => {
                let (value, n) = octal(&d.input, at + 1);
                if value > 0o377 && !warned {
                    warned = true;
                    warn_escape(vm, &format!("\"\\{value:o}\" is an invalid octal escape sequence. Such sequences will not work in the future. "))?;
                }
                d.out.push(value);
                at += 1 + n;
                continue;
            }
            b'x' => (2, "truncated \\xXX escape"),
            b'u' => (4, "truncated \\uXXXX escape"),
            b'U' => (8, "truncated \\UXXXXXXXX escape"),
            b'N' => match named(vm, d, at, is_final)? {
                Some(next) => {
                    at = next;
                    continue;
                }
                None => break,
            },
            _ => {
                if !warned {
                    warned = true;
                    let c = char::from(c);
                    warn_escape(vm, &format!("\"\\{c}\" is an invalid escape sequence. Such sequences will not work in the future. "))?;
                }
                d.out.push(u32::from(b'\\'));
                d.out.push(u32::from(c));
                at += 2;
                continue;
            }
        };
        match coded(vm, d, at, digits, reason, is_final)? {
            Some(next) => at = next,
            None => break,
        }
    }
    Ok(at)
}

/// A character by its number; none if it is not complete yet.
fn coded(vm: &mut Vm, d: &mut Decoding, at: usize, digits: usize, reason: &str, is_final: bool) -> PyResult<Option<usize>> {
    let (value, n) = hex(&d.input, at + 2, digits);
    let end = at + 2 + n;
    if n < digits {
        if !is_final && end >= d.input.len() {
            return Ok(None);
        }
        return d.fault(vm, at, end, reason).map(Some);
    }
    if value > 0x10ffff {
        return d.fault(vm, at, end, "illegal Unicode character").map(Some);
    }
    d.out.push(value);
    Ok(Some(end))
}

/// A character by its name.
fn named(vm: &mut Vm, d: &mut Decoding, at: usize, is_final: bool) -> PyResult<Option<usize>> {
    let malformed = "malformed \\N character escape";
    let start = at + 2;
    if d.input.get(start) == Some(&b'{') {
        let rest = d.input.get(start + 1..).unwrap_or_default();
        let Some(close) = memchr::memchr(b'}', rest) else {
            if !is_final {
                return Ok(None);
            }
            let end = d.input.len();
            return d.fault(vm, at, end, malformed).map(Some);
        };
        let end = start + 1 + close + 1;
        if close > 0 {
            let name: String = rest[..close].iter().map(|&b| char::from(b)).collect();
            if let Some(krait_unicode::Named::Char(c)) = krait_unicode::lookup_name(&name) {
                d.out.push(c);
                return Ok(Some(end));
            }
            return d.fault(vm, at, end, "unknown Unicode character name").map(Some);
        }
        return d.fault(vm, at, end, malformed).map(Some);
    }
    if !is_final && start >= d.input.len() {
        return Ok(None);
    }
    let end = start.min(d.input.len());
    d.fault(vm, at, end, malformed).map(Some)
}

/// Decodes `raw-unicode-escape`; gives how many bytes were used.
pub fn decode_raw(vm: &mut Vm, d: &mut Decoding, is_final: bool) -> PyResult<usize> {
    let mut at = 0;
    while let Some(&byte) = d.input.get(at) {
        if byte != b'\\' {
            d.out.push(u32::from(byte));
            at += 1;
            continue;
        }
        let (digits, reason) = match d.input.get(at + 1) {
            None if !is_final => break,
            Some(b'u') => (4, "truncated \\uXXXX escape"),
            Some(b'U') => (8, "truncated \\UXXXXXXXX escape"),
            Some(&c) => {
                d.out.push(u32::from(b'\\'));
                d.out.push(u32::from(c));
                at += 2;
                continue;
            }
            None => {
                d.out.push(u32::from(b'\\'));
                at += 1;
                continue;
            }
        };
        let (value, n) = hex(&d.input, at + 2, digits);
        let end = at + 2 + n;
        at = if n < digits {
            if !is_final && end >= d.input.len() {
                break;
            }
            d.fault(vm, at, end, reason)?
        } else if value > 0x10ffff {
            d.fault(vm, at, end, "\\Uxxxxxxxx out of range")?
        } else {
            d.out.push(value);
            end
        };
    }
    Ok(at)
}

/// The longest escape, `\Uhhhhhhhh`.
const LONGEST: usize = 10;

/// Encodes `unicode-escape`.
pub fn encode_unicode(vm: &mut Vm, input: &Str) -> PyResult<Vec<u8>> {
    let mut out = Vec::new();
    vm.reserve(&mut out, input.len())?;
    for c in input.chars() {
        vm.reserve(&mut out, LONGEST)?;
        match c {
            9 => out.extend_from_slice(b"\\t"),
            10 => out.extend_from_slice(b"\\n"),
            13 => out.extend_from_slice(b"\\r"),
            92 => out.extend_from_slice(b"\\\\"),
            32..127 => out.push(c as u8),
            _ => out.extend_from_slice(super::errors::backslash(c).as_bytes()),
        }
    }
    Ok(out)
}

/// Encodes `raw-unicode-escape`.
pub fn encode_raw(vm: &mut Vm, input: &Str) -> PyResult<Vec<u8>> {
    let mut out = Vec::new();
    vm.reserve(&mut out, input.len())?;
    for c in input.chars() {
        vm.reserve(&mut out, LONGEST)?;
        match u8::try_from(c) {
            Ok(byte) => out.push(byte),
            Err(_) => out.extend_from_slice(super::errors::backslash(c).as_bytes()),
        }
    }
    Ok(out)
}

/// `_codecs.escape_encode`: as `repr(bytes)` without quotes.
pub fn encode_bytes(vm: &mut Vm, input: &[u8]) -> PyResult<Vec<u8>> {
    let mut out = Vec::new();
    vm.reserve(&mut out, input.len())?;
    for &b in input {
        vm.reserve(&mut out, LONGEST)?;
        match b {
            b'\'' | b'\\' => out.extend_from_slice(&[b'\\', b]),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            32..127 => out.push(b),
            _ => out.extend_from_slice(format!("\\x{b:02x}").as_bytes()),
        }
    }
    Ok(out)
}

/// `_codecs.escape_decode`.
pub fn decode_bytes(vm: &mut Vm, input: &[u8], errors: &str) -> PyResult<Vec<u8>> {
    let mut out = Vec::with_capacity(input.len());
    let (mut at, mut warned) = (0, false);
    while let Some(&byte) = input.get(at) {
        if byte != b'\\' {
            out.push(byte);
            at += 1;
            continue;
        }
        let Some(&c) = input.get(at + 1) else { return Err(vm.value_error("Trailing \\ in string")) };
        if let Some(text) = simple(c) {
            out.extend_from_slice(text);
            at += 2;
            continue;
        }
        match c {
            b'0'..=b'7' => {
                let (value, n) = octal(input, at + 1);
                if value > 0o377 && !warned {
                    warned = true;
                    warn_escape(vm, &format!("b\"\\{value:o}\" is an invalid octal escape sequence. Such sequences will not work in the future. "))?;
                }
                out.push(value as u8);
                at += 1 + n;
            }
            b'x' => {
                let (value, n) = hex(input, at + 2, 2);
                if n == 2 {
                    out.push(value as u8);
                    at += 4;
                    continue;
                }
                match errors {
                    "strict" => return Err(vm.value_error(format!("invalid \\x escape at position {at}"))),
                    "replace" => out.push(b'?'),
                    "ignore" => {}
                    other => return Err(vm.value_error(format!("decoding error; unknown error handling code: {other}"))),
                }
                at += 2 + n;
            }
            _ => {
                if !warned {
                    warned = true;
                    let c = char::from(c);
                    warn_escape(vm, &format!("b\"\\{c}\" is an invalid escape sequence. Such sequences will not work in the future. "))?;
                }
                out.extend_from_slice(&[b'\\', c]);
                at += 2;
            }
        }
    }
    Ok(out)
}
