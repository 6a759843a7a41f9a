//! What `bytes` and `bytearray` do with plain bytes: searching, splitting, case, padding, hexadecimal.

use super::ByteView;
use crate::types::int::IntRef;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{PyResult, Value, Vm};
use crate::types::str_::search::find_bytes;
use memchr::memmem;

/// White space as `bytes.split` has it.
pub fn is_space(b: u8) -> bool {
    matches!(b, 9..=13 | 32)
}

/// A part of bytes: from, up to.
pub type Range = (usize, usize);

/// Calls `each` for the positions of `needle`, not empty, without overlap, while it says to go on.
pub fn each_match(hay: &[u8], needle: &[u8], mut each: impl FnMut(usize) -> bool) {
    match needle {
        [] => {}
        [byte] => {
            memchr::memchr_iter(*byte, hay).all(each);
        }
        _ => {
            memmem::find_iter(hay, needle).all(&mut each);
        }
    }
}

/// How often `needle` occurs without overlap; an empty one fits once more than there are bytes.
pub fn count(hay: &[u8], needle: &[u8]) -> usize {
    if needle.is_empty() {
        return hay.len() + 1;
    }
    let mut n = 0;
    each_match(hay, needle, |_| {
        n += 1;
        true
    });
    n
}

/// `needle` given as a bytes-like object or as one byte's number.
pub fn needle(vm: &mut Vm, object: &Value) -> PyResult<ByteView> {
    if let Some(byte) = byte_of_index(vm, object)? {
        return Ok(ByteView::Owned(vec![byte]));
    }
    if vm.is_bytes_like(object) {
        return vm.byte_view(object);
    }
    let name = object.type_name();
    Err(vm.type_error(format!("argument should be integer or bytes-like object, not '{name}'")))
}

/// The byte that an index-like object says; none if it is no such object.
pub fn byte_of_index(vm: &mut Vm, object: &Value) -> PyResult<Option<u8>> {
    if vm.is_bytes_like(object) || (IntRef::new(object).is_none() && object.type_ref().slots.nb_index.get().is_none()) {
        return Ok(None);
    }
    let index = vm.index(object)?;
    match IntRef::new(&index).and_then(|i| i.to_i64()).and_then(|i| u8::try_from(i).ok()) {
        Some(byte) => Ok(Some(byte)),
        None => Err(vm.value_error("byte must be in range(0, 256)")),
    }
}

/// Where `sub` stands in `hay` between the bounds.
pub fn find(hay: &[u8], sub: &[u8], range: Option<Range>, right: bool) -> Option<usize> {
    let (start, end) = range?;
    let part = hay.get(start..end)?;
    let found = match (sub, right) {
        ([], false) => Some(0),
        ([], true) => Some(part.len()),
        (_, false) => find_bytes(part, sub),
        (_, true) => memmem::rfind(part, sub),
    };
    found.map(|at| at + start)
}

/// `startswith` and `endswith`; the texts have been collected.
pub fn has_tail(hay: &[u8], sub: &[u8], range: Option<Range>, at_end: bool) -> bool {
    let Some(part) = range.and_then(|(start, end)| hay.get(start..end)) else { return false };
    if at_end { part.ends_with(sub) } else { part.starts_with(sub) }
}

/// What `startswith` and `endswith` are given.
pub fn tail_args(vm: &mut Vm, sub: &Value, name: &str) -> PyResult<Vec<ByteView>> {
    let items: Vec<Value> = match sub.downcast::<Tuple>() {
        Some(tuple) => tuple.items().to_vec(),
        None if vm.is_bytes_like(sub) => return Ok(vec![vm.byte_view(sub)?]),
        None => {
            let got = sub.type_name();
            return Err(vm.type_error(format!("{name} first arg must be bytes or a tuple of bytes, not {got}")));
        }
    };
    items.iter().map(|item| vm.byte_view(item)).collect()
}

/// Bounds of parts. What memory does not hold is lost.
#[derive(Default)]
pub struct Ranges {
    parts: Vec<Range>,
    full: bool,
}

impl Ranges {
    fn push(&mut self, range: Range) {
        self.full |= self.parts.try_reserve(1).is_err();
        if !self.full {
            self.parts.push(range);
        }
    }

    /// The parts; MemoryError if some were lost.
    pub fn finish(self, vm: &mut Vm) -> PyResult<Vec<Range>> {
        if self.full { Err(vm.memory_error()) } else { Ok(self.parts) }
    }
}

/// Parts between separators, from the left.
pub fn split(hay: &[u8], sep: &[u8], max: usize) -> Ranges {
    let (mut out, mut start, mut left) = (Ranges::default(), 0, max);
    if left > 0 {
        each_match(hay, sep, |at| {
            out.push((start, at));
            start = at + sep.len();
            left -= 1;
            left > 0 && !out.full
        });
    }
    out.push((start, hay.len()));
    out
}

/// Parts between separators, from the right.
pub fn rsplit(hay: &[u8], sep: &[u8], max: usize) -> Ranges {
    let (mut out, mut end) = (Ranges::default(), hay.len());
    let finder = memmem::FinderRev::new(sep);
    for _ in 0..max {
        let Some(at) = finder.rfind(&hay[..end]) else { break };
        out.push((at + sep.len(), end));
        end = at;
    }
    out.push((0, end));
    out.parts.reverse();
    out
}

/// Parts between runs of white space, from the left.
pub fn split_space(hay: &[u8], max: usize) -> Ranges {
    let (mut out, mut at) = (Ranges::default(), 0);
    loop {
        while at < hay.len() && is_space(hay[at]) {
            at += 1;
        }
        if at == hay.len() {
            return out;
        }
        if out.parts.len() == max {
            out.push((at, hay.len()));
            return out;
        }
        let start = at;
        while at < hay.len() && !is_space(hay[at]) {
            at += 1;
        }
        out.push((start, at));
    }
}

/// Parts between runs of white space, from the right.
pub fn rsplit_space(hay: &[u8], max: usize) -> Ranges {
    let (mut out, mut end) = (Ranges::default(), hay.len());
    loop {
        while end > 0 && is_space(hay[end - 1]) {
            end -= 1;
        }
        if end == 0 {
            break;
        }
        if out.parts.len() == max {
            out.push((0, end));
            break;
        }
        let last = end;
        while end > 0 && !is_space(hay[end - 1]) {
            end -= 1;
        }
        out.push((end, last));
    }
    out.parts.reverse();
    out
}

/// Lines; `\n`, `\r` and `\r\n` end them.
pub fn lines(hay: &[u8], keep: bool) -> Vec<Range> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < hay.len() {
        let start = at;
        at = memchr::memchr2(b'\n', b'\r', &hay[at..]).map_or(hay.len(), |i| i + at);
        let mut end = at;
        if at < hay.len() {
            at += if hay[at..].starts_with(b"\r\n") { 2 } else { 1 };
            if keep {
                end = at;
            }
        }
        out.push((start, end));
    }
    out
}

/// What is left without white space, or the bytes in `set`, at the ends.
pub fn strip(hay: &[u8], set: Option<&[u8]>, left: bool, right: bool) -> Range {
    let mut table = [false; 256];
    match set {
        Some(set) => set.iter().for_each(|&b| table[usize::from(b)] = true),
        None => (0..=255u8).for_each(|b| table[usize::from(b)] = is_space(b)),
    }
    let (mut start, mut end) = (0, hay.len());
    while left && start < end && table[usize::from(hay[start])] {
        start += 1;
    }
    while right && end > start && table[usize::from(hay[end - 1])] {
        end -= 1;
    }
    (start, end)
}

/// `old` replaced by `new`, at most `max` times; none if nothing changes. The length is checked.
pub fn replace(vm: &mut Vm, hay: &[u8], old: &[u8], new: &[u8], max: usize) -> PyResult<Option<Vec<u8>>> {
    let mut places = Vec::new();
    if old.is_empty() {
        places.extend((0..=hay.len()).take(max));
    } else if max > 0 {
        each_match(hay, old, |at| {
            places.push(at);
            places.len() < max
        });
    }
    if places.is_empty() || (old.is_empty() && new.is_empty()) {
        return Ok(None);
    }
    let kept = hay.len() - places.len() * old.len();
    let total = places.len().checked_mul(new.len()).and_then(|n| n.checked_add(kept)).filter(|&n| n <= isize::MAX as usize);
    let Some(total) = total else { return Err(vm.overflow_error("replace bytes is too long")) };
    let mut out = Vec::new();
    if out.try_reserve_exact(total).is_err() {
        return Err(vm.memory_error());
    }
    let mut from = 0;
    for at in places {
        out.extend_from_slice(&hay[from..at]);
        out.extend_from_slice(new);
        from = at + old.len();
    }
    out.extend_from_slice(&hay[from..]);
    Ok(Some(out))
}

/// `bytes.title`.
pub fn title(hay: &[u8]) -> Vec<u8> {
    let mut cased = false;
    hay.iter()
        .map(|&b| {
            let mapped = if cased { b.to_ascii_lowercase() } else { b.to_ascii_uppercase() };
            cased = b.is_ascii_alphabetic();
            mapped
        })
        .collect()
}

/// `bytes.capitalize`.
pub fn capitalize(hay: &[u8]) -> Vec<u8> {
    let mut out = hay.to_ascii_lowercase();
    if let Some(first) = out.first_mut() {
        first.make_ascii_uppercase();
    }
    out
}

/// `bytes.swapcase`.
pub fn swapcase(hay: &[u8]) -> Vec<u8> {
    hay.iter().map(|&b| if b.is_ascii_uppercase() { b.to_ascii_lowercase() } else { b.to_ascii_uppercase() }).collect()
}

/// `bytes.istitle`.
pub fn is_title(hay: &[u8]) -> bool {
    let (mut cased, mut previous) = (false, false);
    for b in hay {
        if b.is_ascii_uppercase() {
            if previous {
                return false;
            }
            (cased, previous) = (true, true);
        } else if b.is_ascii_lowercase() {
            if !previous {
                return false;
            }
            (cased, previous) = (true, true);
        } else {
            previous = false;
        }
    }
    cased
}

/// Padding to a width; MemoryError if there is no room.
pub fn pad(vm: &mut Vm, hay: &[u8], left: usize, right: usize, fill: u8) -> PyResult<Vec<u8>> {
    let mut out = Vec::new();
    let total = hay.len().checked_add(left).and_then(|n| n.checked_add(right));
    if total.is_none_or(|n| out.try_reserve_exact(n).is_err()) {
        return Err(vm.memory_error());
    }
    out.resize(left, fill);
    out.extend_from_slice(hay);
    out.resize(out.len() + right, fill);
    Ok(out)
}

/// The padding byte of `center` and its relatives.
pub fn fill_byte(vm: &mut Vm, fill: Option<&Value>, name: &str) -> PyResult<u8> {
    let Some(fill) = fill else { return Ok(b' ') };
    let single = match fill.downcast::<super::Bytes>() {
        Some(b) => Some((b.as_bytes().first().copied(), b.len(), "bytes")),
        None => fill.downcast::<crate::types::bytearray::ByteArray>().map(|b| (b.bytes(vm).first().copied(), b.bytes(vm).len(), "bytearray")),
    };
    match single {
        Some((Some(byte), 1, _)) => Ok(byte),
        Some((_, n, kind)) => {
            Err(vm.type_error(format!("{name}(): argument 2 must be a byte string of length 1, not a {kind} object of length {n}")))
        }
        None => {
            let got = if fill.is_none() { "None".to_owned() } else { fill.type_name() };
            Err(vm.type_error(format!("{name}() argument 2 must be a byte string of length 1, not {got}")))
        }
    }
}

/// `bytes.expandtabs`.
pub fn expandtabs(vm: &mut Vm, hay: &[u8], tabsize: i32) -> PyResult<Vec<u8>> {
    let tab = usize::try_from(tabsize).unwrap_or(0);
    let (mut out, mut column) = (Vec::with_capacity(hay.len()), 0usize);
    for &b in hay {
        match b {
            b'\t' => {
                if tab > 0 {
                    let n = tab - column % tab;
                    column += n;
                    if out.try_reserve(n).is_err() {
                        return Err(vm.overflow_error("result too long"));
                    }
                    out.resize(out.len() + n, b' ');
                }
            }
            _ => {
                column = if b == b'\n' || b == b'\r' { 0 } else { column + 1 };
                out.push(b);
            }
        }
    }
    Ok(out)
}

/// `bytes.zfill`.
pub fn zfill(vm: &mut Vm, hay: &[u8], width: isize) -> PyResult<Vec<u8>> {
    let margin = usize::try_from(width).unwrap_or(0).saturating_sub(hay.len());
    let mut out = pad(vm, hay, margin, 0, b'0')?;
    if margin > 0 && matches!(hay.first(), Some(b'+' | b'-')) {
        out.swap(0, margin);
    }
    Ok(out)
}

/// Separator, a character below `limit`, and group size of `hex()`.
pub fn hex_args(vm: &mut Vm, sep: Option<&Value>, group: i32, limit: u32) -> PyResult<Option<(u8, i32)>> {
    let Some(sep) = sep else { return Ok(None) };
    if vm.len(sep)? != 1 {
        return Err(vm.value_error("sep must be length 1."));
    }
    let chars: Vec<u32> = if let Some(s) = sep.downcast::<Str>() {
        s.chars().take(2).collect()
    } else if vm.is_bytes_like(sep) {
        vm.byte_view(sep)?.iter().take(2).map(|&b| u32::from(b)).collect()
    } else {
        // As `len(sep)` would complain, if it does.
        let length = vm.len(sep)?;
        return Err(if length == 1 { vm.type_error("sep must be str or bytes.") } else { vm.value_error("sep must be length 1.") });
    };
    match chars.as_slice() {
        [c] if *c < limit => Ok(Some((*c as u8, group))),
        [_] => Err(vm.value_error("sep must be ASCII.")),
        _ => Err(vm.value_error("sep must be length 1.")),
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Hexadecimal digits of bytes.
pub fn hex(vm: &mut Vm, bytes: &[u8], sep: Option<(u8, i32)>) -> PyResult<Vec<u8>> {
    let mut out = Vec::new();
    vm.reserve(&mut out, bytes.len() * if sep.is_some() { 3 } else { 2 })?;
    let n = bytes.len();
    for (i, &b) in bytes.iter().enumerate() {
        if let Some((sep, group)) = sep.filter(|&(_, g)| g != 0 && i > 0) {
            let size = group.unsigned_abs() as usize;
            // Positive groups are counted from the right.
            let at = if group > 0 { n - i } else { i };
            if at % size == 0 {
                out.push(sep);
            }
        }
        out.push(DIGITS[usize::from(b >> 4)]);
        out.push(DIGITS[usize::from(b & 15)]);
    }
    Ok(out)
}

/// `bytes.fromhex`.
pub fn from_hex(vm: &mut Vm, string: &Value) -> PyResult<Vec<u8>> {
    // What is no character of a byte is no digit either.
    let chars = if let Some(s) = string.downcast::<Str>() {
        vm.require_room(s.len())?;
        let mut chars = Vec::with_capacity(s.len());
        chars.extend(s.chars().map(|c| u8::try_from(c).unwrap_or(0xff)));
        chars
    } else if vm.is_bytes_like(string) {
        vm.byte_view(string)?.to_vec()
    } else {
        let name = string.type_name();
        return Err(vm.type_error(format!("fromhex() argument must be str or bytes-like, not {name}")));
    };
    let digit = |i: usize| chars.get(i).and_then(|&c| char::from(c).to_digit(16));
    let (mut out, mut at) = (Vec::new(), 0);
    vm.reserve(&mut out, chars.len() / 2)?;
    while at < chars.len() {
        if is_space(chars[at]) {
            at += 1;
            continue;
        }
        let bad = match (digit(at), digit(at + 1)) {
            (Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                at += 2;
                continue;
            }
            (None, _) => at,
            (Some(_), None) => at + 1,
        };
        if bad >= chars.len() {
            return Err(vm.value_error("fromhex() arg must contain an even number of hexadecimal digits"));
        }
        return Err(vm.value_error(format!("non-hexadecimal number found in fromhex() arg at position {bad}")));
    }
    Ok(out)
}

/// `repr()` of bytes: prefix, quotes and escapes. A `bytearray` escapes single quotes whatever stands around.
pub fn repr(vm: &mut Vm, bytes: &[u8], array: bool, out: &mut String) -> PyResult<()> {
    let plain = |b: &u8| matches!(b, b' '..=b'&' | b'('..=b'[' | b']'..=b'~');
    let escapes = bytes.iter().filter(|b| !plain(b)).count();
    if out.try_reserve_exact(bytes.len() + 3 * escapes + 4).is_err() {
        return Err(vm.memory_error());
    }
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { b'"' } else { b'\'' };
    out.push('b');
    out.push(char::from(quote));
    for &b in bytes {
        match b {
            b'\\' => out.push_str("\\\\"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            _ if b == quote || (array && b == b'\'') => {
                out.push('\\');
                out.push(char::from(b));
            }
            32..127 => out.push(char::from(b)),
            _ => {
                out.push_str("\\x");
                out.push(char::from(DIGITS[usize::from(b >> 4)]));
                out.push(char::from(DIGITS[usize::from(b & 15)]));
            }
        }
    }
    out.push(char::from(quote));
    Ok(())
}

/// The contents of what `bytes()` and `bytearray()` are made from: an iterable of ints.
pub fn from_iterable(vm: &mut Vm, object: &Value, message: &str, range: &str) -> PyResult<Vec<u8>> {
    check_iterable(vm, object, message)?;
    let mut out = Vec::new();
    vm.for_each(object, |vm, item| {
        let byte = byte(vm, &item, range)?;
        vm.append(&mut out, byte)
    })?;
    Ok(out)
}

/// TypeError with the message if the object is a `str` or cannot be iterated.
pub fn check_iterable(vm: &mut Vm, object: &Value, message: &str) -> PyResult<()> {
    let slots = &object.type_ref().slots;
    if object.is::<Str>() || (slots.iter.get().is_none() && slots.item.get().is_none() && slots.getitem.get().is_none()) {
        let name = object.type_name();
        return Err(vm.type_error(message.replace("%T", &name)));
    }
    Ok(())
}

/// A byte given by a number.
pub fn byte(vm: &mut Vm, item: &Value, message: &str) -> PyResult<u8> {
    if let Some(byte) = item.as_small_int().and_then(|i| u8::try_from(i).ok()) {
        return Ok(byte);
    }
    let index = vm.index(item)?;
    match IntRef::new(&index).and_then(|i| i.to_i64()).and_then(|i| u8::try_from(i).ok()) {
        Some(byte) => Ok(byte),
        None => Err(vm.value_error(message)),
    }
}
