//! UTF-7 (RFC 2152).

use super::errors::{Decoding, is_surrogate};
use crate::types::str_::Str;
use crate::{PyResult, Vm};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn sextet(b: u8) -> Option<u32> {
    ALPHABET.iter().position(|&x| x == b).map(|i| i as u32)
}

/// Characters that the encoder writes as they are.
fn is_direct(c: u32, encode_optional: bool) -> bool {
    let Ok(b) = u8::try_from(c) else { return false };
    b.is_ascii_alphanumeric()
        || b"'(),-./:?".contains(&b)
        || b" \t\n\r".contains(&b)
        || (!encode_optional && b"!\"#$%&*;<=>@[]^_`{|}".contains(&b))
}

/// Bytes that the decoder takes as they are: ASCII but for the plus sign.
fn decodes_direct(b: u8) -> bool {
    b < 0x80 && b != b'+'
}

struct Shift {
    /// Where the shifted run's characters begin in the output, and the run itself in the input.
    out_start: usize,
    start: usize,
    bits: u32,
    buffer: u32,
    /// A high surrogate that waits for its other half; 0 if none.
    surrogate: u32,
}

/// Decodes; gives how many bytes were used.
pub fn decode(vm: &mut Vm, d: &mut Decoding, is_final: bool) -> PyResult<usize> {
    let mut at = 0;
    let mut shift: Option<Shift> = None;
    while let Some(&byte) = d.input.get(at) {
        let Some(s) = &mut shift else {
            match byte {
                b'+' => {
                    let start = at;
                    at += 1;
                    match d.input.get(at) {
                        Some(b'-') => {
                            d.out.push(u32::from(b'+'));
                            at += 1;
                        }
                        Some(&b) if sextet(b).is_none() => at = d.fault(vm, start, at + 1, "ill-formed sequence")?,
                        _ => shift = Some(Shift { out_start: d.out.len(), start, bits: 0, buffer: 0, surrogate: 0 }),
                    }
                }
                _ if decodes_direct(byte) => {
                    d.out.push(u32::from(byte));
                    at += 1;
                }
                _ => at = d.fault(vm, at, at + 1, "unexpected special character")?,
            }
            continue;
        };
        if let Some(six) = sextet(byte) {
            s.buffer = s.buffer << 6 | six;
            s.bits += 6;
            at += 1;
            if s.bits >= 16 {
                let c = s.buffer >> (s.bits - 16) & 0xffff;
                s.bits -= 16;
                s.buffer &= (1 << s.bits) - 1;
                if s.surrogate != 0 {
                    let high = std::mem::take(&mut s.surrogate);
                    if (0xdc00..0xe000).contains(&c) {
                        d.out.push(0x10000 + ((high - 0xd800) << 10) + (c - 0xdc00));
                        continue;
                    }
                    d.out.push(high);
                }
                if (0xd800..0xdc00).contains(&c) { s.surrogate = c } else { d.out.push(c) }
            }
            continue;
        }
        // The run ends here.
        let Some(s) = shift.take() else { continue };
        at += 1;
        let reason = if s.bits >= 6 {
            Some("partial character in base64 sequence")
        } else if s.bits > 0 && s.buffer != 0 {
            Some("non-zero padding bits in base64 sequence")
        } else {
            None
        };
        if let Some(reason) = reason {
            at = d.fault(vm, s.start, at, reason)?;
            continue;
        }
        if s.surrogate != 0 && decodes_direct(byte) {
            d.out.push(s.surrogate);
        }
        if byte != b'-' {
            // Anything but a minus sign stands for itself.
            at -= 1;
        }
    }
    let Some(s) = shift else { return Ok(at) };
    if !is_final {
        // The run is read again when there is more of it.
        d.out.truncate(s.out_start);
        return Ok(s.start);
    }
    if s.surrogate != 0 || s.bits >= 6 || (s.bits > 0 && s.buffer != 0) {
        let end = d.input.len();
        let next = d.fault(vm, s.start, end, "unterminated shift sequence")?;
        return Ok(next.max(at));
    }
    Ok(at)
}

/// Encodes; everything has a form.
pub fn encode(vm: &mut Vm, input: &Str) -> PyResult<Vec<u8>> {
    // Of one character: an end and a start of shifting, and two units of which each takes less than three digits.
    const LONGEST: usize = 10;
    let mut out = Vec::new();
    vm.reserve(&mut out, input.len() + LONGEST)?;
    let (mut shifted, mut bits, mut buffer) = (false, 0u32, 0u32);
    for c in input.chars() {
        vm.reserve(&mut out, LONGEST)?;
        let direct = is_direct(c, false);
        if shifted && direct {
            if bits > 0 {
                out.push(ALPHABET[(buffer << (6 - bits) & 63) as usize]);
                (bits, buffer) = (0, 0);
            }
            shifted = false;
            if sextet(c as u8).is_some() || c == 45 {
                out.push(b'-');
            }
            out.push(c as u8);
            continue;
        }
        if !shifted {
            if c == 43 {
                out.extend_from_slice(b"+-");
                continue;
            }
            if direct {
                out.push(c as u8);
                continue;
            }
            out.push(b'+');
            shifted = true;
        }
        let units = if c > 0xffff { vec![0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff)] } else { vec![c] };
        debug_assert!(units.iter().all(|&u| u < 0x10000 || !is_surrogate(u)));
        for unit in units {
            buffer = buffer << 16 | unit;
            bits += 16;
            while bits >= 6 {
                out.push(ALPHABET[(buffer >> (bits - 6) & 63) as usize]);
                bits -= 6;
            }
            buffer &= (1 << bits) - 1;
        }
    }
    if bits > 0 {
        out.push(ALPHABET[(buffer << (6 - bits) & 63) as usize]);
    }
    if shifted {
        out.push(b'-');
    }
    Ok(out)
}
