//! Positions of `TextIOWrapper`: `tell`, `seek`, `truncate`.
//!
//! A position is a cookie: where the buffer stands at a point at which the decoder holds nothing, the decoder's flags there, and how many
//! bytes and characters to go on from there. Mostly all but the first are zero, and the cookie is the byte position.

use crate::io::text::TextIOWrapper;
use crate::io::{os_error_text, unsupported};
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Value, Vm, n, pymethods};
use num_bigint::{BigInt, Sign};

/// The parts of a cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cookie {
    start: i64,
    flags: i32,
    bytes: i32,
    chars: i32,
    eof: bool,
}

impl Cookie {
    fn pack(self) -> BigInt {
        let mut bytes = Vec::with_capacity(21);
        bytes.extend_from_slice(&self.start.to_le_bytes());
        for n in [self.flags, self.bytes, self.chars] {
            bytes.extend_from_slice(&n.to_le_bytes());
        }
        bytes.push(u8::from(self.eof));
        BigInt::from_bytes_le(Sign::Plus, &bytes)
    }

    fn unpack(big: &BigInt) -> Option<Cookie> {
        let (sign, mut bytes) = big.to_bytes_le();
        if sign == Sign::Minus || bytes.len() > 21 {
            return None;
        }
        bytes.resize(21, 0);
        let (start, rest) = bytes.split_first_chunk::<8>()?;
        let (flags, rest) = rest.split_first_chunk::<4>()?;
        let (fed, rest) = rest.split_first_chunk::<4>()?;
        let (chars, rest) = rest.split_first_chunk::<4>()?;
        Some(Cookie {
            start: i64::from_le_bytes(*start),
            flags: i32::from_le_bytes(*flags),
            bytes: i32::from_le_bytes(*fed),
            chars: i32::from_le_bytes(*chars),
            eof: rest.first() == Some(&1),
        })
    }
}

fn flags_of(vm: &mut Vm, value: &Value) -> PyResult<i32> {
    let index = vm.index(value)?;
    Ok(IntRef::new(&index).and_then(|i| i.to_i64()).map_or(0, |i| i as i32))
}

fn set_state(vm: &mut Vm, decoder: &Value, flags: i32) -> PyResult<()> {
    let state = vec![vm.new_bytes(b"")?.into_value(), Value::from_i32(flags)];
    let state = vm.new_tuple(state)?.into_value();
    vm.call_method(decoder, n!(setstate), &[state]).map(drop)
}

fn decode_len(vm: &mut Vm, decoder: &Value, bytes: &[u8], is_final: bool) -> PyResult<usize> {
    let input = vm.new_bytes(bytes)?.into_value();
    Ok(TextIOWrapper::run_decoder(vm, decoder, &input, is_final)?.len())
}

/// Where decoding can begin so that `skip` characters later the position is reached. `start` is the byte position of `input`.
fn find_cookie(vm: &mut Vm, decoder: &Value, start: i64, flags: i32, input: &[u8], skip: usize, ratio: f64) -> PyResult<Cookie> {
    let (mut flags, mut skip) = (flags, skip);
    // First a guess from the mean length of characters, corrected downwards.
    let mut skip_bytes = ((ratio * skip as f64) as usize).min(input.len());
    let mut step = 1;
    loop {
        set_state(vm, decoder, flags)?;
        if skip_bytes == 0 {
            break;
        }
        let n = decode_len(vm, decoder, input.get(..skip_bytes).unwrap_or_default(), false)?;
        if n <= skip {
            let (held, new_flags) = TextIOWrapper::decoder_state(vm, decoder)?;
            if held.is_empty() {
                flags = flags_of(vm, &new_flags)?;
                skip -= n;
                break;
            }
            skip_bytes = skip_bytes.saturating_sub(held.len());
            step = 1;
        } else {
            skip_bytes = skip_bytes.saturating_sub(step);
            step *= 2;
        }
    }
    let mut cookie = Cookie { start: start + skip_bytes as i64, flags, ..Cookie::default() };
    if skip == 0 {
        return Ok(cookie);
    }
    // Then byte by byte, noting the last point at which the decoder held nothing.
    let (mut fed, mut chars) = (0usize, 0usize);
    for byte in input.get(skip_bytes..).unwrap_or_default() {
        fed += 1;
        chars += decode_len(vm, decoder, std::slice::from_ref(byte), false)?;
        let (held, new_flags) = TextIOWrapper::decoder_state(vm, decoder)?;
        if held.is_empty() && chars <= skip {
            cookie.start += fed as i64;
            cookie.flags = flags_of(vm, &new_flags)?;
            skip -= chars;
            (fed, chars) = (0, 0);
        }
        if chars >= skip {
            break;
        }
    }
    if chars < skip {
        // Only the end of the input gives the rest.
        chars += decode_len(vm, decoder, b"", true)?;
        cookie.eof = true;
        if chars < skip {
            return Err(os_error_text(vm, "can't reconstruct logical file position"));
        }
    }
    cookie.bytes = fed as i32;
    cookie.chars = skip as i32;
    Ok(cookie)
}

impl TextIOWrapper {
    /// Puts the encoder where writing at a position begins.
    fn reset_encoder(&self, vm: &mut Vm, at_start: bool) -> PyResult<()> {
        let Some(encoder) = self.encoder.load(vm) else { return Ok(()) };
        self.at_start.set(at_start);
        if at_start {
            vm.call_method(&encoder, n!(reset), &[])?;
        } else {
            vm.call_method(&encoder, n!(setstate), &[Value::from_i32(0)])?;
        }
        Ok(())
    }

    fn seek_end(zelf: &Py<Self>, vm: &mut Vm, buffer: &Value) -> PyResult {
        vm.call_method(zelf.as_value(), n!(flush), &[])?;
        zelf.set_decoded(vm, None);
        zelf.set_snapshot(vm, None);
        if let Some(decoder) = zelf.decoder.load(vm) {
            vm.call_method(&decoder, n!(reset), &[])?;
        }
        let at = vm.call_method(buffer, n!(seek), &[Value::from_i32(0), Value::from_i32(2)])?;
        zelf.reset_encoder(vm, at.as_small_int() == Some(0))?;
        Ok(at)
    }

    fn seek_cookie(zelf: &Py<Self>, vm: &mut Vm, buffer: &Value, cookie: Cookie) -> PyResult<()> {
        vm.call_method(zelf.as_value(), n!(flush), &[])?;
        let start = vm.new_int(cookie.start)?;
        vm.call_method(buffer, n!(seek), &[start])?;
        zelf.set_decoded(vm, None);
        zelf.set_snapshot(vm, None);
        let at_start = cookie.start == 0 && cookie.flags == 0;
        let Some(decoder) = zelf.decoder.load(vm) else { return zelf.reset_encoder(vm, at_start) };
        if at_start {
            vm.call_method(&decoder, n!(reset), &[])?;
        } else {
            set_state(vm, &decoder, cookie.flags)?;
        }
        let flags = Value::from_i32(cookie.flags);
        if cookie.chars == 0 {
            let empty = vm.new_bytes(b"")?;
            zelf.set_snapshot(vm, Some((flags, empty)));
            return zelf.reset_encoder(vm, at_start);
        }
        let chunk = vm.call_method(buffer, n!(read), &[Value::from_i32(cookie.bytes)])?;
        let Some(bytes) = chunk.downcast::<Bytes>().cloned() else {
            let got = chunk.type_name();
            return Err(vm.type_error(format!("underlying read() should have returned a bytes object, not '{got}'")));
        };
        zelf.set_snapshot(vm, Some((flags, bytes)));
        let decoded = Self::run_decoder(vm, &decoder, &chunk, cookie.eof)?;
        let chars = usize::try_from(cookie.chars).unwrap_or(usize::MAX);
        let len = decoded.len();
        zelf.set_decoded(vm, Some(decoded));
        if len < chars {
            return Err(os_error_text(vm, "can't restore logical file position"));
        }
        zelf.used.set(chars);
        zelf.reset_encoder(vm, at_start)
    }
}

#[pymethods(part = SEEK)]
impl TextIOWrapper {
    /// Set the position to one that tell() gave, or to the start or end; return the new position.
    #[method(sig = "(cookie, whence=0, /)", text = "(cookie, whence=os.SEEK_SET, /)")]
    fn seek(zelf: &Py<Self>, cookie: Value, whence: i32, vm: &mut Vm) -> PyResult {
        let buffer = Self::checked_open(zelf, vm)?;
        if !zelf.seekable.get() {
            return Err(unsupported(vm, "underlying stream is not seekable"));
        }
        let mut cookie = cookie;
        match whence {
            0 => {}
            1 => {
                if !vm.eq(&cookie, &Value::from_i32(0))? {
                    return Err(unsupported(vm, "can't do nonzero cur-relative seeks"));
                }
                cookie = vm.call_method(zelf.as_value(), n!(tell), &[])?;
            }
            2 => {
                if !vm.eq(&cookie, &Value::from_i32(0))? {
                    return Err(unsupported(vm, "can't do nonzero end-relative seeks"));
                }
                return Self::seek_end(zelf, vm, &buffer);
            }
            _ => return Err(vm.value_error(format!("invalid whence ({whence}, should be 0, 1 or 2)"))),
        }
        let index = vm.index(&cookie)?;
        if vm.int_is_negative(&index) {
            let text = vm.repr(&cookie)?;
            return Err(vm.value_error(format!("negative seek position {}", text.to_string_lossy())));
        }
        let big = IntRef::new(&index).map(|i| i.to_big().into_owned()).unwrap_or_default();
        let Some(unpacked) = Cookie::unpack(&big) else { return Err(vm.overflow_error("int too big to convert")) };
        Self::seek_cookie(zelf, vm, &buffer, unpacked)?;
        Ok(cookie)
    }

    /// The position, as a number that means something to seek() only.
    #[method]
    fn tell(zelf: &Py<Self>, vm: &mut Vm) -> PyResult {
        let buffer = Self::checked_open(zelf, vm)?;
        if !zelf.seekable.get() {
            return Err(unsupported(vm, "underlying stream is not seekable"));
        }
        if !zelf.telling.get() {
            return Err(os_error_text(vm, "telling position disabled by next() call"));
        }
        zelf.write_pending(vm)?;
        vm.call_method(zelf.as_value(), n!(flush), &[])?;
        let at = vm.call_method(&buffer, n!(tell), &[])?;
        let (Some(decoder), Some((flags, input))) = (zelf.decoder.load(vm), zelf.snapshot.load(vm)) else { return Ok(at) };
        let position = vm.as_isize(&at)? as i64;
        let start = position - input.len() as i64;
        let flags = flags_of(vm, &flags)?;
        let skip = zelf.used.get();
        if skip == 0 || zelf.decoded.get(vm).is_none() {
            return vm.new_bigint(Cookie { start, flags, ..Cookie::default() }.pack());
        }
        let saved = vm.call_method(&decoder, n!(getstate), &[])?;
        let found = find_cookie(vm, &decoder, start, flags, input.as_bytes(), skip, zelf.bytes_a_char.get());
        vm.call_method(&decoder, n!(setstate), &[saved])?;
        vm.new_bigint(found?.pack())
    }

    /// Cut the buffer at a position, the current one without.
    #[method(sig = "(pos=None, /)")]
    fn truncate(zelf: &Py<Self>, pos: Value, vm: &mut Vm) -> PyResult {
        let buffer = Self::checked_open(zelf, vm)?;
        vm.call_method(zelf.as_value(), n!(flush), &[])?;
        vm.call_method(&buffer, n!(truncate), &[pos])
    }
}

#[cfg(test)]
mod tests {
    use super::Cookie;

    #[test]
    fn cookies_round_trip() {
        for cookie in [Cookie::default(), Cookie { start: 5, ..Cookie::default() }, Cookie { start: 1 << 40, flags: 3, bytes: 7, chars: 2, eof: true }] {
            assert_eq!(Cookie::unpack(&cookie.pack()), Some(cookie));
        }
    }
}
