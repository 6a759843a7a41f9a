//! `str`: the payload and its making. One, two or four bytes a character with an ASCII flag (PEP 393), characters inline in the
//! tail, so indexing is O(1). A string is always in its narrowest form.
#![allow(unsafe_code, reason = "characters stand in the tail of the object")]

use crate::error::PyResult;
use crate::{Py, Vm, pyclass};
use krait_unicode::{Text, TextBuf};
use std::borrow::Cow;
use std::cell::Cell;

mod builder;
mod case;
mod concat;
pub mod format;
pub(crate) mod intern;
mod iter;
pub(crate) mod methods;
pub mod percent;
pub(crate) mod search;
mod split;

pub use builder::StrBuilder;
pub use concat::Items;

/// str(object='') -> str
/// str(bytes_or_buffer[, encoding[, errors]]) -> str
///
/// The text form of an object; or, with an encoding or an error handler, the text that bytes stand for.
#[pyclass(name = "str", flags(BASETYPE, UNICODE_SUBCLASS, MATCH_SELF), tail)]
#[repr(C)]
pub struct Str {
    /// The hash, -1 while not computed.
    hash: Cell<i64>,
    /// Characters.
    len: usize,
    /// Bytes a character: 1, 2 or 4.
    width: u8,
    ascii: bool,
    interned: Cell<bool>,
}

/// The characters of a string in their own width.
#[derive(Clone, Copy, Debug)]
pub enum StrData<'a> {
    /// U+0000 to U+007F; made here and by the builder alone.
    Ascii(&'a str),
    /// U+0000 to U+00FF, at least one above U+007F.
    Latin1(&'a [u8]),
    Ucs2(&'a [u16]),
    Ucs4(&'a [u32]),
}

impl<'a> StrData<'a> {
    /// The character at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> Option<u32> {
        match self {
            StrData::Ascii(s) => s.as_bytes().get(index).map(|&c| u32::from(c)),
            StrData::Latin1(s) => s.get(index).map(|&c| u32::from(c)),
            StrData::Ucs2(s) => s.get(index).map(|&c| u32::from(c)),
            StrData::Ucs4(s) => s.get(index).copied(),
        }
    }

    /// Characters.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            StrData::Ascii(s) => s.len(),
            StrData::Latin1(s) => s.len(),
            StrData::Ucs2(s) => s.len(),
            StrData::Ucs4(s) => s.len(),
        }
    }

    /// The characters from `start` up to `end`, in the same width; nothing if the bounds are none.
    #[inline]
    pub fn slice(&self, start: usize, end: usize) -> StrData<'a> {
        match *self {
            StrData::Ascii(s) => StrData::Ascii(s.get(start..end).unwrap_or_default()),
            StrData::Latin1(s) => StrData::Latin1(s.get(start..end).unwrap_or_default()),
            StrData::Ucs2(s) => StrData::Ucs2(s.get(start..end).unwrap_or_default()),
            StrData::Ucs4(s) => StrData::Ucs4(s.get(start..end).unwrap_or_default()),
        }
    }

    /// Whether there is no character.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The characters in order.
    pub fn iter(&self) -> StrIter<'a> {
        StrIter { data: *self, at: 0, end: self.len() }
    }
}

/// Iterator over the code points of a string.
#[derive(Clone)]
pub struct StrIter<'a> {
    data: StrData<'a>,
    at: usize,
    end: usize,
}

impl Iterator for StrIter<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        if self.at >= self.end {
            return None;
        }
        let c = self.data.get(self.at);
        self.at += 1;
        c
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.end - self.at, Some(self.end - self.at))
    }
}

impl ExactSizeIterator for StrIter<'_> {}

impl DoubleEndedIterator for StrIter<'_> {
    fn next_back(&mut self) -> Option<u32> {
        if self.at >= self.end {
            return None;
        }
        self.end -= 1;
        self.data.get(self.end)
    }
}

impl Str {
    /// Where the characters stand: behind the payload.
    #[inline(always)]
    fn tail<T>(&self) -> *const T {
        std::ptr::from_ref(self).wrapping_add(1).cast()
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: payloads of `Str` only exist in string objects, whose tail holds `len` characters of `width` bytes.
        unsafe { std::slice::from_raw_parts(self.tail(), self.len * self.width as usize) }
    }

    /// The characters.
    #[inline]
    pub fn data(&self) -> StrData<'_> {
        // SAFETY: as in `bytes`; the ASCII flag was checked when the string was made.
        unsafe {
            match (self.width, self.ascii) {
                (1, true) => StrData::Ascii(std::str::from_utf8_unchecked(std::slice::from_raw_parts(self.tail(), self.len))),
                (1, false) => StrData::Latin1(std::slice::from_raw_parts(self.tail(), self.len)),
                (2, _) => StrData::Ucs2(std::slice::from_raw_parts(self.tail(), self.len)),
                _ => StrData::Ucs4(std::slice::from_raw_parts(self.tail(), self.len)),
            }
        }
    }

    /// Characters.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no character.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes a character.
    pub fn width(&self) -> u8 {
        self.width
    }

    /// Whether all characters are ASCII.
    #[inline(always)]
    pub fn is_ascii(&self) -> bool {
        self.ascii
    }

    /// Whether equal interned strings are this very object.
    #[inline(always)]
    pub fn is_interned(&self) -> bool {
        self.interned.get()
    }

    /// The text itself if it is ASCII, without copying.
    #[inline]
    pub fn as_ascii(&self) -> Option<&str> {
        match self.data() {
            StrData::Ascii(s) => Some(s),
            StrData::Latin1(_) | StrData::Ucs2(_) | StrData::Ucs4(_) => None,
        }
    }

    /// The code points.
    pub fn chars(&self) -> StrIter<'_> {
        self.data().iter()
    }

    /// As generalized UTF-8.
    pub fn to_text(&self) -> TextBuf {
        match self.as_ascii() {
            Some(s) => TextBuf::from(s),
            None => self.chars().collect(),
        }
    }

    /// As Rust text, U+FFFD in place of surrogates. For messages.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        match self.as_ascii() {
            Some(s) => Cow::Borrowed(s),
            None => Cow::Owned(self.chars().map(|c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()),
        }
    }

    /// Whether it equals Rust text.
    pub fn eq_str(&self, text: &str) -> bool {
        match self.as_ascii() {
            Some(s) => s == text,
            None => self.chars().eq(text.chars().map(u32::from)),
        }
    }

    /// Whether the two hold the same characters.
    #[inline]
    pub fn eq_chars(&self, other: &Str) -> bool {
        std::ptr::eq(self, other) || (self.len == other.len && self.width == other.width && self.bytes() == other.bytes())
    }

    /// As Rust text; UnicodeEncodeError for surrogates.
    pub fn to_utf8(&self, vm: &mut Vm) -> PyResult<String> {
        if let Some(s) = self.as_ascii() {
            return Ok(s.to_owned());
        }
        let text = self.to_text();
        match text.as_str() {
            Some(s) => Ok(s.to_owned()),
            None => Err(vm.surrogate_error(self)),
        }
    }

    /// `hash()`. Strings of the same characters have the same hash whatever made them.
    #[inline]
    pub fn hash_value(&self, vm: &Vm) -> i64 {
        let cached = self.hash.get();
        if cached != -1 {
            return cached;
        }
        let hash = vm.interp.hash_bytes(self.bytes());
        self.hash.set(hash);
        hash
    }
}

impl Vm {
    /// A new string with room for `len` characters of `width` bytes; `fill` writes all of them.
    fn alloc_str(&mut self, len: usize, width: u8, ascii: bool, fill: impl FnOnce(*mut u8)) -> PyResult<Py<Str>> {
        let Some(bytes) = len.checked_mul(width as usize) else { return Err(self.memory_error()) };
        let payload = Str { hash: Cell::new(-1), len, width, ascii, interned: Cell::new(false) };
        let string = self.new_object_tail(payload, bytes)?;
        fill(string.tail_ptr());
        Ok(string)
    }

    /// A string of Rust text.
    pub fn new_str(&mut self, text: &str) -> PyResult<Py<Str>> {
        if text.is_ascii() {
            if text.len() <= 1 {
                return self.short_str(text.as_bytes());
            }
            // SAFETY: the tail has room for the text's bytes.
            return self.alloc_str(text.len(), 1, true, |p| unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), p, text.len()) });
        }
        let chars: Vec<u32> = text.chars().map(u32::from).collect();
        self.new_str_ucs4(&chars)
    }

    /// A string of generalized UTF-8.
    pub fn new_str_text(&mut self, text: &Text) -> PyResult<Py<Str>> {
        match text.as_str() {
            Some(s) => self.new_str(s),
            None => {
                let chars: Vec<u32> = text.code_points().collect();
                self.new_str_ucs4(&chars)
            }
        }
    }

    /// A string of Latin-1 characters.
    pub fn new_str_latin1(&mut self, chars: &[u8]) -> PyResult<Py<Str>> {
        if chars.len() <= 1 {
            return self.short_str(chars);
        }
        // SAFETY: the tail has room for the bytes.
        self.alloc_str(chars.len(), 1, chars.is_ascii(), |p| unsafe { std::ptr::copy_nonoverlapping(chars.as_ptr(), p, chars.len()) })
    }

    /// A string of 16-bit code points (no surrogate pairs are joined).
    pub fn new_str_ucs2(&mut self, chars: &[u16]) -> PyResult<Py<Str>> {
        if chars.iter().all(|&c| c < 0x100) {
            let narrow: Vec<u8> = chars.iter().map(|&c| c as u8).collect();
            return self.new_str_latin1(&narrow);
        }
        // SAFETY: the tail has room for the characters and is 8-byte aligned.
        self.alloc_str(chars.len(), 2, false, |p| unsafe { std::ptr::copy_nonoverlapping(chars.as_ptr(), p.cast(), chars.len()) })
    }

    /// A string of code points; those above U+10FFFF become U+FFFD.
    pub fn new_str_ucs4(&mut self, chars: &[u32]) -> PyResult<Py<Str>> {
        let max = chars.iter().copied().max().unwrap_or(0);
        if max < 0x100 {
            let narrow: Vec<u8> = chars.iter().map(|&c| c as u8).collect();
            return self.new_str_latin1(&narrow);
        }
        if max < 0x10000 {
            let narrow: Vec<u16> = chars.iter().map(|&c| c as u16).collect();
            // SAFETY: as in `new_str_ucs2`.
            return self.alloc_str(narrow.len(), 2, false, |p| unsafe { std::ptr::copy_nonoverlapping(narrow.as_ptr(), p.cast(), narrow.len()) });
        }
        // SAFETY: as in `new_str_ucs2`.
        self.alloc_str(chars.len(), 4, false, |p| unsafe {
            for (i, &c) in chars.iter().enumerate() {
                p.cast::<u32>().add(i).write(if c > 0x10ffff { 0xfffd } else { c });
            }
        })
    }

    /// A string of characters in whatever width they come, e.g. a slice of another string's.
    pub fn new_str_data(&mut self, data: StrData<'_>) -> PyResult<Py<Str>> {
        match data {
            StrData::Ascii(s) if s.len() <= 1 => self.short_str(s.as_bytes()),
            // SAFETY: the tail has room for the bytes; nobody but `Str::data` and the builder, which have looked, make this variant.
            StrData::Ascii(s) => self.alloc_str(s.len(), 1, true, |p| unsafe { std::ptr::copy_nonoverlapping(s.as_ptr(), p, s.len()) }),
            StrData::Latin1(s) => self.new_str_latin1(s),
            StrData::Ucs2(s) => self.new_str_ucs2(s),
            StrData::Ucs4(s) => self.new_str_ucs4(s),
        }
    }

    /// An object of `str`'s subtype `cls` with these characters.
    pub fn new_str_of(&mut self, cls: &Py<crate::types::type_::PyType>, data: StrData<'_>) -> PyResult<Py<Str>> {
        let exact = self.new_str_data(data)?;
        let bytes = exact.bytes();
        let payload = Str { hash: Cell::new(-1), len: exact.len, width: exact.width, ascii: exact.ascii, interned: Cell::new(false) };
        let string = self.new_instance_tail(cls, payload, bytes.len())?;
        // SAFETY: the tail has room for the bytes.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), string.tail_ptr(), bytes.len()) };
        Ok(string)
    }

    /// Strings of no or one Latin-1 character are shared.
    fn short_str(&mut self, chars: &[u8]) -> PyResult<Py<Str>> {
        let index = chars.first().map_or(256, |&c| c as usize);
        if let Some(Some(s)) = self.interp.short_strings.get(self).get(index) {
            return Ok(s.clone());
        }
        // SAFETY: the tail has room for the bytes.
        let made = self.alloc_str(chars.len(), 1, chars.is_ascii(), |p| unsafe { std::ptr::copy_nonoverlapping(chars.as_ptr(), p, chars.len()) })?;
        let made = self.intern_object(&made);
        let interp = self.interp;
        if let Some(slot) = interp.short_strings.get_mut(self).get_mut(index) {
            *slot = Some(made.clone());
        }
        Ok(made)
    }
}
