//! [`Text`], [`TextBuf`] and [`SharedText`]: generalized UTF-8.
//!
//! Invariant: the bytes are UTF-8, except that three-byte sequences of surrogates (U+D800..=U+DFFF) are allowed
//! anywhere. Nothing merges a high and a low surrogate into one character.
#![allow(unsafe_code, reason = "Text is a transparent view of bytes with a checked invariant")]

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::rc::Rc;

/// Borrowed Python text: generalized UTF-8 bytes.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Text([u8]);

/// Owned Python text.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextBuf(Vec<u8>);

impl Text {
    /// A view of ordinary UTF-8.
    pub const fn new(s: &str) -> &Text {
        // SAFETY: UTF-8 is generalized UTF-8.
        unsafe { Text::from_bytes_unchecked(s.as_bytes()) }
    }

    /// # Safety
    /// `bytes` is generalized UTF-8.
    pub const unsafe fn from_bytes_unchecked(bytes: &[u8]) -> &Text {
        // SAFETY: `Text` is a transparent wrapper of `[u8]`.
        unsafe { &*(std::ptr::from_ref(bytes) as *const Text) }
    }

    /// The generalized UTF-8 bytes.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Length in bytes.
    pub const fn len_bytes(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no character.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As `str`, unless there is a surrogate.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// As `str`, with U+FFFD in place of surrogates.
    pub fn to_str_lossy(&self) -> Cow<'_, str> {
        match self.as_str() {
            Some(s) => Cow::Borrowed(s),
            None => Cow::Owned(
                self.code_points().map(|c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER)).collect(),
            ),
        }
    }

    /// The code points, surrogates among them, in order.
    pub fn code_points(&self) -> CodePoints<'_> {
        CodePoints { bytes: self.0.iter() }
    }

    /// Whether every byte is ASCII.
    pub fn is_ascii(&self) -> bool {
        self.0.is_ascii()
    }
}

/// Iterator over the code points of a [`Text`].
#[derive(Clone)]
pub struct CodePoints<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl Iterator for CodePoints<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let first = u32::from(*self.bytes.next()?);
        if first < 0x80 {
            return Some(first);
        }
        let mut tail = || u32::from(self.bytes.next().copied().unwrap_or(0x80)) & 0x3f;
        Some(match first {
            0x80..0xe0 => (first & 0x1f) << 6 | tail(),
            0xe0..0xf0 => (first & 0x0f) << 12 | tail() << 6 | tail(),
            _ => (first & 0x07) << 18 | tail() << 12 | tail() << 6 | tail(),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let n = self.bytes.len();
        (n.div_ceil(4), Some(n))
    }
}

impl TextBuf {
    /// Empty text.
    pub const fn new() -> TextBuf {
        TextBuf(Vec::new())
    }

    /// Appends the code point `c`; what is above U+10FFFF becomes U+FFFD.
    pub fn push(&mut self, c: u32) {
        match char::from_u32(c) {
            Some(c) => self.0.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None if c < 0x10000 => {
                self.0.extend_from_slice(&[0xe0 | (c >> 12) as u8, 0x80 | (c >> 6 & 0x3f) as u8, 0x80 | (c & 0x3f) as u8]);
            }
            None => self.push_str("\u{fffd}"),
        }
    }

    /// Appends ordinary UTF-8.
    /// Room for `more` bytes; false if there is none.
    pub fn try_reserve(&mut self, more: usize) -> bool {
        self.0.try_reserve(more).is_ok()
    }

    pub fn push_str(&mut self, s: &str) {
        self.0.extend_from_slice(s.as_bytes());
    }

    /// Appends other text.
    pub fn push_text(&mut self, s: &Text) {
        self.0.extend_from_slice(&s.0);
    }

    /// Decodes generalized UTF-8, as `bytes.decode("utf-8", "surrogatepass")`; `None` when `bytes` is not that.
    pub fn from_bytes(bytes: &[u8]) -> Option<TextBuf> {
        if std::str::from_utf8(bytes).is_ok() {
            return Some(TextBuf(bytes.to_vec()));
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let valid = match std::str::from_utf8(rest) {
                Ok(_) => rest.len(),
                Err(e) => e.valid_up_to(),
            };
            rest = &rest[valid..];
            match rest {
                [] => {}
                [0xed, 0xa0..=0xbf, 0x80..=0xbf, tail @ ..] => rest = tail,
                _ => return None,
            }
        }
        Some(TextBuf(bytes.to_vec()))
    }
}

impl Deref for TextBuf {
    type Target = Text;

    fn deref(&self) -> &Text {
        // SAFETY: every way to fill a `TextBuf` keeps the invariant.
        unsafe { Text::from_bytes_unchecked(&self.0) }
    }
}

impl Borrow<Text> for TextBuf {
    fn borrow(&self) -> &Text {
        self
    }
}

impl AsRef<Text> for TextBuf {
    fn as_ref(&self) -> &Text {
        self
    }
}

impl ToOwned for Text {
    type Owned = TextBuf;

    fn to_owned(&self) -> TextBuf {
        TextBuf(self.0.to_vec())
    }
}

impl From<&str> for TextBuf {
    fn from(s: &str) -> TextBuf {
        TextBuf(s.as_bytes().to_vec())
    }
}

impl From<String> for TextBuf {
    fn from(s: String) -> TextBuf {
        TextBuf(s.into_bytes())
    }
}

impl FromIterator<u32> for TextBuf {
    fn from_iter<I: IntoIterator<Item = u32>>(iter: I) -> TextBuf {
        let mut text = TextBuf::new();
        iter.into_iter().for_each(|c| text.push(c));
        text
    }
}

/// Python text that many may own; immutable, and cheap to clone.
#[derive(Clone, Default, Eq, PartialOrd, Ord)]
pub struct SharedText(Rc<[u8]>);

impl PartialEq for SharedText {
    fn eq(&self, other: &SharedText) -> bool {
        Rc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

/// As the text itself.
impl Hash for SharedText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl Deref for SharedText {
    type Target = Text;

    fn deref(&self) -> &Text {
        // SAFETY: the bytes were those of a `Text`.
        unsafe { Text::from_bytes_unchecked(&self.0) }
    }
}

impl Borrow<Text> for SharedText {
    fn borrow(&self) -> &Text {
        self
    }
}

impl AsRef<Text> for SharedText {
    fn as_ref(&self) -> &Text {
        self
    }
}

impl From<&Text> for SharedText {
    fn from(text: &Text) -> SharedText {
        SharedText(text.as_bytes().into())
    }
}

impl From<&str> for SharedText {
    fn from(text: &str) -> SharedText {
        SharedText(text.as_bytes().into())
    }
}

impl From<String> for SharedText {
    fn from(text: String) -> SharedText {
        SharedText(text.into_bytes().into())
    }
}

impl From<TextBuf> for SharedText {
    fn from(text: TextBuf) -> SharedText {
        SharedText(text.0.into())
    }
}

impl From<&TextBuf> for SharedText {
    fn from(text: &TextBuf) -> SharedText {
        SharedText::from(&**text)
    }
}

impl FromIterator<u32> for SharedText {
    fn from_iter<I: IntoIterator<Item = u32>>(code_points: I) -> SharedText {
        code_points.into_iter().collect::<TextBuf>().into()
    }
}

impl fmt::Display for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

impl fmt::Debug for SharedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_str_lossy())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.to_str_lossy(), f)
    }
}

impl fmt::Debug for TextBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrogate_pairs_stay_two_code_points() {
        let text: TextBuf = [0xd83d, 0xde00, 0x1f600].into_iter().collect();
        assert_eq!(text.code_points().collect::<Vec<_>>(), [0xd83d, 0xde00, 0x1f600]);
        assert_eq!(text.as_str(), None);
        assert_eq!(TextBuf::from_bytes(text.as_bytes()).as_deref(), Some(&*text));
        assert!(TextBuf::from_bytes(b"\xed\xa0").is_none());
    }
}
