//! UTF-8, UTF-16 and UTF-32.

use super::errors::{Decoding, Encoding, Replacement, is_surrogate};
use crate::types::str_::StrData;
use crate::{PyResult, Vm};

/// Byte order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// That of the machine, with a mark.
    Native,
    Little,
    Big,
}

impl Order {
    /// -1, 0, 1.
    pub fn from_int(i: i32) -> Order {
        match i {
            0 => Order::Native,
            1.. => Order::Big,
            _ => Order::Little,
        }
    }
}

/// Decodes; gives how many bytes were used. Without `is_final` an incomplete sequence at the end is left.
pub fn decode_utf8(vm: &mut Vm, d: &mut Decoding, is_final: bool) -> PyResult<usize> {
    let mut at = 0;
    while at < d.input.len() {
        let rest = &d.input[at..];
        let error = match std::str::from_utf8(rest) {
            Ok(text) => {
                d.out.push_str(text);
                at += text.len();
                continue;
            }
            Err(error) => error,
        };
        let good = error.valid_up_to();
        if let Ok(text) = std::str::from_utf8(&rest[..good]) {
            d.out.push_str(text);
        }
        at += good;
        let lead = d.input[at];
        let (end, reason) = match error.error_len() {
            None if !is_final => break,
            // The rest of a surrogate may follow, which the error handler then sees whole.
            Some(_) if !is_final && matches!(d.input[at..], [0xed, 0xa0..=0xbf]) => break,
            None => (d.input.len(), "unexpected end of data"),
            Some(_) if !(0xc2..=0xf4).contains(&lead) => (at + 1, "invalid start byte"),
            Some(n) => (at + n, "invalid continuation byte"),
        };
        at = d.fault(vm, at, end, reason)?;
    }
    Ok(at)
}

/// Encodes.
pub fn encode_utf8(vm: &mut Vm, e: &mut Encoding) -> PyResult<Vec<u8>> {
    let input = e.input.clone();
    let data = input.data();
    let widest = match data {
        StrData::Ascii(_) => 1,
        StrData::Latin1(_) => 2,
        StrData::Ucs2(_) => 3,
        StrData::Ucs4(_) => 4,
    };
    vm.require_room(data.len() * widest)?;
    if let StrData::Ascii(s) = data {
        return Ok(s.as_bytes().to_vec());
    }
    let mut out = Vec::with_capacity(data.len() * widest);
    let mut at = 0;
    while let Some(c) = data.get(at) {
        if let Some(c) = char::from_u32(c) {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            at += 1;
            continue;
        }
        let run = data.slice(at, data.len()).iter().take_while(|&c| is_surrogate(c)).count();
        let (replacement, next) = e.fault(vm, at, at + run, "surrogates not allowed")?;
        vm.reserve(&mut out, replacement.len())?;
        match replacement {
            Replacement::Bytes(bytes) => out.extend_from_slice(&bytes),
            Replacement::Text(text) => {
                if text.iter().any(|&c| c >= 0x80) {
                    return Err(e.error(vm, at, at + run, "surrogates not allowed"));
                }
                out.extend(text.iter().map(|&c| c as u8));
            }
        }
        at = next;
    }
    Ok(out)
}

/// The byte order that a mark says, and where the text begins.
fn order_of(input: &[u8], order: Order, width: usize) -> (Order, usize) {
    if order != Order::Native {
        return (order, 0);
    }
    match (width, input) {
        (2, [0xff, 0xfe, ..]) | (4, [0xff, 0xfe, 0, 0, ..]) => (Order::Little, width),
        (2, [0xfe, 0xff, ..]) | (4, [0, 0, 0xfe, 0xff, ..]) => (Order::Big, width),
        _ => (Order::Native, 0),
    }
}

fn is_big(order: Order) -> bool {
    order == Order::Big || (order == Order::Native && cfg!(target_endian = "big"))
}

fn unit16(input: &[u8], at: usize, big: bool) -> Option<u32> {
    let pair: [u8; 2] = input.get(at..at + 2)?.try_into().ok()?;
    Some(u32::from(if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }))
}

/// Decodes; gives how many bytes were used and the byte order found.
pub fn decode_utf16(vm: &mut Vm, d: &mut Decoding, order: Order, is_final: bool) -> PyResult<(usize, Order)> {
    let (order, mut at) = order_of(&d.input, order, 2);
    let big = is_big(order);
    d.encoding = if big { "utf-16-be" } else { "utf-16-le" }.to_owned();
    while at < d.input.len() {
        let Some(c) = unit16(&d.input, at, big) else {
            if !is_final {
                break;
            }
            let end = d.input.len();
            at = d.fault(vm, at, end, "truncated data")?;
            continue;
        };
        if !is_surrogate(c) {
            d.out.push(c);
            at += 2;
            continue;
        }
        if c >= 0xdc00 {
            at = d.fault(vm, at, at + 2, "illegal encoding")?;
            continue;
        }
        match unit16(&d.input, at + 2, big) {
            Some(low) if (0xdc00..0xe000).contains(&low) => {
                d.out.push(0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
                at += 4;
            }
            Some(_) => at = d.fault(vm, at, at + 2, "illegal UTF-16 surrogate")?,
            None if !is_final => break,
            None => {
                let end = d.input.len();
                at = d.fault(vm, at, end, "unexpected end of data")?;
            }
        }
    }
    Ok((at, order))
}

fn unit32(input: &[u8], at: usize, big: bool) -> Option<u32> {
    let four: [u8; 4] = input.get(at..at + 4)?.try_into().ok()?;
    Some(if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
}

/// Decodes; gives how many bytes were used and the byte order found.
pub fn decode_utf32(vm: &mut Vm, d: &mut Decoding, order: Order, is_final: bool) -> PyResult<(usize, Order)> {
    let (order, mut at) = order_of(&d.input, order, 4);
    let big = is_big(order);
    d.encoding = if big { "utf-32-be" } else { "utf-32-le" }.to_owned();
    while at < d.input.len() {
        let (end, reason) = match unit32(&d.input, at, big) {
            None if !is_final => break,
            None => (d.input.len(), "truncated data"),
            Some(c) if is_surrogate(c) => (at + 4, "code point in surrogate code point range"),
            Some(c) if c > 0x10ffff => (at + 4, "code point not in range(0x110000)"),
            Some(c) => {
                d.out.push(c);
                at += 4;
                continue;
            }
        };
        at = d.fault(vm, at, end, reason)?;
    }
    Ok((at, order))
}

fn put(out: &mut Vec<u8>, c: u32, width: usize, big: bool) {
    match (width, big) {
        (2, true) => out.extend_from_slice(&(c as u16).to_be_bytes()),
        (2, false) => out.extend_from_slice(&(c as u16).to_le_bytes()),
        (_, true) => out.extend_from_slice(&c.to_be_bytes()),
        (_, false) => out.extend_from_slice(&c.to_le_bytes()),
    }
}

/// Encodes in units of `width` bytes, 2 or 4.
pub fn encode_wide(vm: &mut Vm, e: &mut Encoding, width: usize, order: Order) -> PyResult<Vec<u8>> {
    let input = e.input.clone();
    let data = input.data();
    let big = is_big(order);
    let widest = if matches!(data, StrData::Ucs4(_)) { 4 } else { width };
    vm.require_room(data.len() * widest)?;
    let mut out = Vec::with_capacity((data.len() + 1) * widest);
    if order == Order::Native {
        put(&mut out, 0xfeff, width, big);
    }
    let mut at = 0;
    while let Some(c) = data.get(at) {
        if !is_surrogate(c) {
            if width == 2 && c > 0xffff {
                put(&mut out, 0xd7c0 + (c >> 10), 2, big);
                put(&mut out, 0xdc00 + (c & 0x3ff), 2, big);
            } else {
                put(&mut out, c, width, big);
            }
            at += 1;
            continue;
        }
        let (replacement, next) = e.fault(vm, at, at + 1, "surrogates not allowed")?;
        vm.reserve(&mut out, replacement.len() * width)?;
        match replacement {
            Replacement::Bytes(bytes) if bytes.len() % width == 0 => out.extend_from_slice(&bytes),
            Replacement::Text(text) if text.iter().all(|&c| c < 0x80) => text.iter().for_each(|&c| put(&mut out, c, width, big)),
            Replacement::Bytes(_) | Replacement::Text(_) => return Err(e.error(vm, at, at + 1, "surrogates not allowed")),
        }
        at = next;
    }
    Ok(out)
}
