//! Encodings of one byte a character: ASCII, Latin-1 and those that a mapping describes.

use super::errors::{Decoding, Encoding, Replacement};
use crate::types::bytes::Bytes;
use crate::types::dict::Dict;
use crate::types::exceptions::{LookupError, catch};
use crate::types::int::IntRef;
use crate::types::str_::{Str, StrData};
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm};

/// Decodes ASCII.
pub fn decode_ascii(vm: &mut Vm, d: &mut Decoding) -> PyResult<usize> {
    let mut at = 0;
    while at < d.input.len() {
        let rest = &d.input[at..];
        let good = rest.iter().position(|&b| b >= 0x80).unwrap_or(rest.len());
        d.out.push_data(StrData::Latin1(&rest[..good]));
        at += good;
        if at < d.input.len() {
            at = d.fault(vm, at, at + 1, "ordinal not in range(128)")?;
        }
    }
    Ok(at)
}

/// Decodes Latin-1, which cannot fail.
pub fn decode_latin1(d: &mut Decoding) -> usize {
    d.out.push_data(StrData::Latin1(&d.input));
    d.input.len()
}

/// Encodes characters below `limit`: 128 or 256.
pub fn encode_below(vm: &mut Vm, e: &mut Encoding, limit: u32) -> PyResult<Vec<u8>> {
    let input = e.input.clone();
    let data = input.data();
    vm.require_room(data.len())?;
    match data {
        StrData::Ascii(s) => return Ok(s.as_bytes().to_vec()),
        StrData::Latin1(s) if limit == 256 => return Ok(s.to_vec()),
        StrData::Latin1(_) | StrData::Ucs2(_) | StrData::Ucs4(_) => {}
    }
    let reason = if limit == 256 { "ordinal not in range(256)" } else { "ordinal not in range(128)" };
    let mut out = Vec::with_capacity(data.len());
    let mut at = 0;
    while let Some(c) = data.get(at) {
        if c < limit {
            vm.append(&mut out, c as u8)?;
            at += 1;
            continue;
        }
        let run = data.slice(at, data.len()).iter().take_while(|&c| c >= limit).count();
        let (replacement, next) = e.fault(vm, at, at + run, reason)?;
        vm.reserve(&mut out, replacement.len())?;
        match replacement {
            Replacement::Bytes(bytes) => out.extend_from_slice(&bytes),
            Replacement::Text(text) if text.iter().all(|&c| c < limit) => out.extend(text.iter().map(|&c| c as u8)),
            Replacement::Text(_) => return Err(e.error(vm, at, at + run, reason)),
        }
        at = next;
    }
    Ok(out)
}

const UNDEFINED: &str = "character maps to <undefined>";

/// Decodes by a mapping: a string indexed by bytes, or an object that has characters, code points or None for them.
pub fn decode_charmap(vm: &mut Vm, d: &mut Decoding, mapping: &Value) -> PyResult<usize> {
    let mut at = 0;
    while let Some(&byte) = d.input.get(at) {
        let known = match mapping.downcast_exact::<Str>() {
            Some(table) => match table.data().get(usize::from(byte)) {
                Some(c) if c != 0xfffe => {
                    d.out.push(c);
                    true
                }
                _ => false,
            },
            None => decode_mapped(vm, d, mapping, byte)?,
        };
        at = if known { at + 1 } else { d.fault(vm, at, at + 1, UNDEFINED)? };
    }
    Ok(at)
}

fn decode_mapped(vm: &mut Vm, d: &mut Decoding, mapping: &Value, byte: u8) -> PyResult<bool> {
    let key = vm.new_int(byte)?;
    let found = vm.getitem(mapping, &key);
    let Some(value) = catch::<LookupError, Value>(vm, found)? else { return Ok(false) };
    if value.is_none() {
        return Ok(false);
    }
    if let Some(i) = IntRef::new(&value) {
        return match i.to_i64().and_then(|i| u32::try_from(i).ok()).filter(|&c| c < 0x110000) {
            Some(0xfffe) => Ok(false),
            Some(c) => {
                d.out.push(c);
                Ok(true)
            }
            None => Err(vm.type_error("character mapping must be in range(0x110000)")),
        };
    }
    match value.downcast::<Str>() {
        Some(s) if s.len() == 1 && s.data().get(0) == Some(0xfffe) => Ok(false),
        Some(s) => {
            d.out.push_object(s);
            Ok(true)
        }
        None => Err(vm.type_error("character mapping must return integer, None or str")),
    }
}

/// Appends what the mapping has for a character; false if nothing.
fn encode_mapped(vm: &mut Vm, out: &mut Vec<u8>, mapping: &Value, c: u32) -> PyResult<bool> {
    let key = vm.new_int(c)?;
    let found = vm.getitem(mapping, &key);
    let Some(value) = catch::<LookupError, Value>(vm, found)? else { return Ok(false) };
    if value.is_none() {
        return Ok(false);
    }
    if let Some(i) = IntRef::new(&value) {
        return match i.to_i64().and_then(|i| u8::try_from(i).ok()) {
            Some(byte) => {
                vm.append(out, byte)?;
                Ok(true)
            }
            None => Err(vm.type_error("character mapping must be in range(256)")),
        };
    }
    match value.downcast::<Bytes>() {
        Some(bytes) => {
            vm.reserve(out, bytes.len())?;
            out.extend_from_slice(bytes.as_bytes());
            Ok(true)
        }
        None => {
            let name = value.type_name();
            Err(vm.type_error(format!("character mapping must return integer, bytes or None, not {name}")))
        }
    }
}

/// Encodes by a mapping.
pub fn encode_charmap(vm: &mut Vm, e: &mut Encoding, mapping: &Value) -> PyResult<Vec<u8>> {
    let input = e.input.clone();
    let data = input.data();
    vm.require_room(data.len())?;
    let mut out = Vec::with_capacity(data.len());
    let mut scratch = Vec::new();
    let mut at = 0;
    while let Some(c) = data.get(at) {
        if encode_mapped(vm, &mut out, mapping, c)? {
            at += 1;
            continue;
        }
        let mut end = at + 1;
        while let Some(c) = data.get(end) {
            scratch.clear();
            if encode_mapped(vm, &mut scratch, mapping, c)? {
                break;
            }
            end += 1;
        }
        let (replacement, next) = e.fault(vm, at, end, UNDEFINED)?;
        vm.reserve(&mut out, replacement.len())?;
        match replacement {
            Replacement::Bytes(bytes) => out.extend_from_slice(&bytes),
            Replacement::Text(text) => {
                for c in text {
                    if !encode_mapped(vm, &mut out, mapping, c)? {
                        return Err(e.error(vm, at, end, UNDEFINED));
                    }
                }
            }
        }
        at = next;
    }
    Ok(out)
}

/// `_codecs.charmap_build`: a mapping for encoding from a string for decoding.
pub fn build_charmap(vm: &mut Vm, table: &Str) -> PyResult<Py<Dict>> {
    let map = vm.new_dict()?;
    for (i, c) in table.chars().enumerate().take(256) {
        if c == 0xfffe {
            continue;
        }
        let (key, value) = (vm.new_int(c)?, vm.new_int(i)?);
        map.set(vm, &key, value)?;
    }
    Ok(map)
}
