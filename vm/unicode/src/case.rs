//! Case mappings of single characters.
//!
//! Mappings are the full ones of SpecialCasing, which may give up to three characters. Whether a capital sigma is final
//! depends on its surroundings; the caller decides that (see [`is_cased`](crate::is_cased) and
//! [`is_case_ignorable`](crate::is_case_ignorable)). The simple mappings are the first character of the full ones, as
//! CPython has them.

use crate::database::generated::{CASES, SPECIAL, SPECIALS};
use crate::database::{CaseRule, record};

/// What a character is mapped to: one to three code points.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapping {
    codes: [u32; 3],
    len: u8,
}

impl Mapping {
    /// The code points.
    pub fn as_slice(&self) -> &[u32] {
        self.codes.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// The first code point.
    pub fn first(&self) -> u32 {
        self.codes[0]
    }
}

#[inline]
fn rule(c: u32) -> Option<&'static CaseRule> {
    match record(c).8 {
        0 => None,
        index => CASES.get(usize::from(index)),
    }
}

#[inline]
fn special(difference: i32) -> Option<[u32; 3]> {
    let index = difference.checked_sub(SPECIAL)?;
    SPECIALS.get(usize::try_from(index).ok()?).copied()
}

#[inline]
fn full(c: u32, part: fn(&CaseRule) -> i32) -> Mapping {
    let difference = rule(c).map_or(0, part);
    match special(difference) {
        Some(codes) => Mapping { codes, len: 2 + u8::from(codes[2] != 0) },
        None => Mapping { codes: [c.wrapping_add_signed(difference), 0, 0], len: 1 },
    }
}

#[inline]
fn simple(c: u32, part: fn(&CaseRule) -> i32) -> u32 {
    match rule(c) {
        None => c,
        Some(rule) => match special(part(rule)) {
            Some(codes) => codes[0],
            None => c.wrapping_add_signed(part(rule)),
        },
    }
}

/// Lower case; a capital sigma gives the sigma that is not final.
pub fn to_lower(c: u32) -> Mapping {
    full(c, |rule| rule.0)
}

/// Upper case.
pub fn to_upper(c: u32) -> Mapping {
    full(c, |rule| rule.1)
}

/// Title case.
pub fn to_title(c: u32) -> Mapping {
    full(c, |rule| rule.2)
}

/// Folded case, for comparison without case.
pub fn casefold(c: u32) -> Mapping {
    full(c, |rule| rule.3)
}

/// Lower case, one character.
#[inline]
pub fn simple_lower(c: u32) -> u32 {
    simple(c, |rule| rule.0)
}

/// Upper case, one character.
#[inline]
pub fn simple_upper(c: u32) -> u32 {
    simple(c, |rule| rule.1)
}

/// Title case, one character.
pub fn simple_title(c: u32) -> u32 {
    simple(c, |rule| rule.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings() {
        assert_eq!(to_upper(0xdf).as_slice(), [0x53, 0x53]);
        assert_eq!(to_upper(0x390).as_slice(), [0x399, 0x308, 0x301]);
        assert_eq!(to_lower(0x130).as_slice(), [0x69, 0x307]);
        assert_eq!((simple_lower(0x130), simple_upper(0xdf)), (0x69, 0x53));
        assert_eq!(to_lower(0xd800).as_slice(), [0xd800]);
        assert_eq!(casefold(u32::MAX).as_slice(), [u32::MAX]);
    }
}
