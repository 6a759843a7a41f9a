//! Characters of the three widths, their categories, and the locale.

use krait_unicode as unicode;

use crate::opcodes::*;

/// A character of a subject: one, two or four bytes wide.
pub trait Char: Copy + Eq {
    /// The code point.
    fn code(self) -> u32;
    /// The first place of `c` in `text`.
    fn find(text: &[Self], c: u32) -> Option<usize>;
    /// The last place of `c` in `text`.
    fn rfind(text: &[Self], c: u32) -> Option<usize>;
    /// The text as bytes, if it is one byte wide.
    fn bytes(_text: &[Self]) -> Option<&[u8]> {
        None
    }
}

impl Char for u8 {
    #[inline(always)]
    fn code(self) -> u32 {
        u32::from(self)
    }

    #[inline]
    fn find(text: &[u8], c: u32) -> Option<usize> {
        memchr::memchr(u8::try_from(c).ok()?, text)
    }

    #[inline]
    fn rfind(text: &[u8], c: u32) -> Option<usize> {
        let c = u8::try_from(c).ok()?;
        // Mostly there are a few characters only, and a call would cost more.
        if text.len() <= 8 { text.iter().rposition(|&x| x == c) } else { memchr::memrchr(c, text) }
    }

    fn bytes(text: &[u8]) -> Option<&[u8]> {
        Some(text)
    }
}

macro_rules! wide_char {
    ($($t:ty)*) => {$(
        impl Char for $t {
            #[inline(always)]
            fn code(self) -> u32 {
                u32::from(self)
            }

            #[inline]
            fn find(text: &[$t], c: u32) -> Option<usize> {
                let c = <$t>::try_from(c).ok()?;
                text.iter().position(|&x| x == c)
            }

            #[inline]
            fn rfind(text: &[$t], c: u32) -> Option<usize> {
                let c = <$t>::try_from(c).ok()?;
                text.iter().rposition(|&x| x == c)
            }
        }
    )*};
}

wide_char! { u16 u32 }

/// What the C locale in force says about bytes; for patterns with the LOCALE flag.
pub struct Locale {
    /// `tolower`.
    pub lower: [u8; 256],
    /// `toupper`.
    pub upper: [u8; 256],
    /// `isalnum`.
    pub alnum: [bool; 256],
}

impl Locale {
    /// The "C" locale: ASCII.
    pub const C: Locale = {
        let mut locale = Locale { lower: [0; 256], upper: [0; 256], alnum: [false; 256] };
        let mut i = 0;
        while i < 256 {
            let c = i as u8;
            locale.lower[i] = c.to_ascii_lowercase();
            locale.upper[i] = c.to_ascii_uppercase();
            locale.alnum[i] = c.is_ascii_alphanumeric();
            i += 1;
        }
        locale
    };

    pub(crate) fn lower(&self, c: u32) -> u32 {
        self.lower.get(c as usize).map_or(c, |&c| u32::from(c))
    }

    pub(crate) fn upper(&self, c: u32) -> u32 {
        self.upper.get(c as usize).map_or(c, |&c| u32::from(c))
    }

    pub(crate) fn is_word(&self, c: u32) -> bool {
        c == u32::from(b'_') || self.alnum.get(c as usize).is_some_and(|&alnum| alnum)
    }

    /// Whether `c` is the literal `pattern`, case aside.
    pub(crate) fn equal(&self, pattern: u32, c: u32) -> bool {
        c == pattern || self.lower(c) == pattern || self.upper(c) == pattern
    }
}

pub(crate) fn is_word(c: u32) -> bool {
    u8::try_from(c).is_ok_and(|c| c.is_ascii_alphanumeric() || c == b'_')
}

pub(crate) fn is_unicode_word(c: u32) -> bool {
    unicode::is_alnum(c) || c == u32::from(b'_')
}

/// Whether `c` is in `category`.
pub(crate) fn in_category(category: u32, c: u32, locale: &Locale) -> bool {
    let positive = match category & !1 {
        CATEGORY_DIGIT => (0x30..0x3a).contains(&c),
        CATEGORY_SPACE => matches!(c, 9..=13 | 32),
        CATEGORY_WORD => is_word(c),
        CATEGORY_LINEBREAK => c == 10,
        CATEGORY_LOC_WORD => locale.is_word(c),
        CATEGORY_UNI_DIGIT => unicode::is_decimal(c),
        CATEGORY_UNI_SPACE => unicode::is_space(c),
        CATEGORY_UNI_WORD => is_unicode_word(c),
        CATEGORY_UNI_LINEBREAK => unicode::is_linebreak(c),
        _ => return false,
    };
    positive != (category & 1 != 0)
}

/// `_sre.ascii_tolower`.
#[inline]
pub fn ascii_tolower(c: u32) -> u32 {
    if (0x41..=0x5a).contains(&c) { c + 0x20 } else { c }
}

/// `_sre.unicode_tolower`.
#[inline]
pub fn unicode_tolower(c: u32) -> u32 {
    unicode::simple_lower(c)
}

/// `_sre.ascii_iscased`.
pub fn ascii_iscased(c: u32) -> bool {
    u8::try_from(c).is_ok_and(|c| c.is_ascii_alphabetic())
}

/// `_sre.unicode_iscased`.
pub fn unicode_iscased(c: u32) -> bool {
    unicode::simple_lower(c) != c || unicode::simple_upper(c) != c
}
