//! Properties of characters: the records behind `unicodedata` and the `str.is...` methods.
//!
//! A code point has one record in each of two versions: the current one, and Unicode 3.2.0, which IDNA 2003 is
//! defined on. Records are interned; a two-stage table finds them.

#[path = "generated/tables.rs"]
pub(crate) mod generated;

use generated::{self as g, OLD_1, OLD_2, OLD_RECORDS, RECORD_1, RECORD_2, RECORDS, SHIFT};
pub use generated::UNIDATA_VERSION;

/// Flags; indices of category, bidirectional class; combining class; index of width; decimal and digit value (255:
/// none); index of numeric value (0: none); index of case rule.
#[derive(Clone, Copy)]
pub struct Record(pub u32, pub u8, pub u8, pub u8, pub u8, pub u8, pub u8, pub u8, pub u16);

/// Mirrored; then as [`Record`], up to the numeric value.
#[derive(Clone, Copy)]
pub struct OldRecord(pub u8, pub u8, pub u8, pub u8, pub u8, pub u8, pub u8, pub u8);

/// Differences, or indices of special mappings, to lower, upper, title and folded.
#[derive(Clone, Copy)]
pub struct CaseRule(pub i32, pub i32, pub i32, pub i32);

/// Decodes a table of little-endian numbers when the crate is compiled.
const fn le16<const N: usize, const M: usize>(bytes: &[u8; M]) -> [u16; N] {
    assert!(M == 2 * N);
    let mut out = [0; N];
    let mut i = 0;
    while i < N {
        out[i] = u16::from_le_bytes([bytes[2 * i], bytes[2 * i + 1]]);
        i += 1;
    }
    out
}

/// Looks `c` up in a two-stage table; 0 above U+10FFFF.
#[inline(always)]
pub(crate) fn two_stage(stage1: &[u16], stage2: &[u16], c: u32) -> u16 {
    let Some(&block) = stage1.get((c >> SHIFT) as usize) else { return 0 };
    let index = (usize::from(block) << SHIFT) | (c & ((1 << SHIFT) - 1)) as usize;
    stage2.get(index).copied().unwrap_or(0)
}

/// A record of no character: what unassigned code points have, case aside.
static NONE: Record = Record(0, 0, 0, 0, 0, 255, 255, 0, 0);

#[inline(always)]
pub(crate) fn record(c: u32) -> &'static Record {
    if c > 0x10_ffff {
        return &NONE;
    }
    RECORDS.get(usize::from(two_stage(&RECORD_1, &RECORD_2, c))).unwrap_or(&NONE)
}

#[inline(always)]
fn has(c: u32, flag: u32) -> bool {
    record(c).0 & flag != 0
}

/// Flags of `c`, for the quick checks of normalization.
pub(crate) fn flags(c: u32) -> u32 {
    record(c).0
}

macro_rules! predicates {
    ($($(#[$doc:meta])* $name:ident $flag:ident;)*) => {$(
        $(#[$doc])*
        #[inline]
        pub fn $name(c: u32) -> bool {
            has(c, g::$flag)
        }
    )*};
}

predicates! {
    /// Whether `str.isalpha` holds for the character.
    is_alpha ALPHA;
    /// Whether `str.isdecimal` holds for the character.
    is_decimal DECIMAL;
    /// Whether `str.isdigit` holds for the character.
    is_digit DIGIT;
    /// Whether `str.isnumeric` holds for the character.
    is_numeric NUMERIC;
    /// Whether `str.isspace` holds for the character, which is also where `str.split()` splits.
    is_space SPACE;
    /// Whether `str.splitlines` ends a line here.
    is_linebreak LINEBREAK;
    /// Whether the character is upper case.
    is_upper UPPER;
    /// Whether the character is lower case.
    is_lower LOWER;
    /// Whether the character has case (`str.title` goes by this).
    is_cased CASED;
    /// Whether the rule for the final sigma looks past the character.
    is_case_ignorable CASE_IGNORABLE;
    /// Whether `str.isprintable` holds for the character.
    is_printable PRINTABLE;
    /// Whether an identifier may start with the character, `_` aside.
    is_xid_start XID_START;
    /// Whether an identifier may go on with the character.
    is_xid_continue XID_CONTINUE;
}

/// Whether an identifier may start with the character: [`is_xid_start`] or `_`.
#[inline]
pub fn is_identifier_start(c: u32) -> bool {
    c == u32::from(b'_') || is_xid_start(c)
}

/// Whether `str.isalnum` holds for the character.
#[inline]
pub fn is_alnum(c: u32) -> bool {
    has(c, g::ALPHA | g::DECIMAL | g::DIGIT | g::NUMERIC)
}

/// Whether the character is title case (category Lt).
pub fn is_title(c: u32) -> bool {
    category(c) == "Lt"
}

/// A version of the database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// [`UNIDATA_VERSION`].
    Current,
    /// `unicodedata.ucd_3_2_0`.
    V3_2_0,
}

impl Version {
    fn record(self, c: u32) -> OldRecord {
        match self {
            Version::Current => {
                let &Record(flags, category, bidi, combining, width, decimal, digit, numeric, _) = record(c);
                let mirrored = u8::from(flags & g::MIRRORED != 0);
                OldRecord(mirrored, category, bidi, combining, width, decimal, digit, numeric)
            }
            Version::V3_2_0 => {
                let index = usize::from(two_stage(&OLD_1, &OLD_2, c));
                OLD_RECORDS.get(index).copied().unwrap_or(OldRecord(0, 0, 0, 0, 0, 255, 255, 0))
            }
        }
    }

    /// The general category, two letters.
    pub fn category(self, c: u32) -> &'static str {
        g::CATEGORIES.get(usize::from(self.record(c).1)).copied().unwrap_or("Cn")
    }

    /// The bidirectional class; empty when unassigned.
    pub fn bidirectional(self, c: u32) -> &'static str {
        g::BIDIS.get(usize::from(self.record(c).2)).copied().unwrap_or("")
    }

    /// The canonical combining class.
    pub fn combining(self, c: u32) -> u8 {
        self.record(c).3
    }

    /// Whether the character is mirrored in text that runs from right to left.
    pub fn mirrored(self, c: u32) -> bool {
        self.record(c).0 != 0
    }

    /// The East Asian width.
    pub fn east_asian_width(self, c: u32) -> &'static str {
        g::WIDTHS.get(usize::from(self.record(c).4)).copied().unwrap_or("N")
    }

    /// The value as a decimal digit.
    pub fn decimal(self, c: u32) -> Option<u8> {
        Some(self.record(c).5).filter(|&value| value != 255)
    }

    /// The value as a digit, of whatever kind.
    pub fn digit(self, c: u32) -> Option<u8> {
        Some(self.record(c).6).filter(|&value| value != 255)
    }

    /// The numeric value.
    pub fn numeric(self, c: u32) -> Option<f64> {
        match self.record(c).7 {
            0 => None,
            index => g::NUMBERS.get(usize::from(index)).copied(),
        }
    }

    /// Tag and code points of the decomposition, one step; Hangul syllables aside.
    pub(crate) fn raw_decomposition(self, c: u32) -> Option<(&'static str, impl Iterator<Item = u32> + Clone)> {
        if self == Version::V3_2_0 && self.record(c).1 == 0 {
            return None;
        }
        let unit = |i: usize| g::DECOMPOSITIONS.get(3 * i..3 * i + 3).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], 0]));
        let start = usize::from(two_stage(&g::DECOMPOSITION_1, &g::DECOMPOSITION_2, c));
        if start == 0 {
            return None;
        }
        let head = unit(start);
        let tag = g::TAGS.get((head & 0xff) as usize).copied().unwrap_or("");
        Some((tag, (start + 1..=start + (head >> 8) as usize).map(unit)))
    }

    /// `unicodedata.decomposition`: an optional tag and code points in hexadecimal.
    pub fn decomposition(self, c: u32) -> String {
        let mut out = String::new();
        let mut push = |part: &str| {
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(part);
        };
        if let Some(jamo) = crate::normalize::hangul_parts(c) {
            jamo.into_iter().filter(|&j| j != 0).for_each(|j| push(&format!("{j:04X}")));
        } else if let Some((tag, codes)) = self.raw_decomposition(c) {
            if !tag.is_empty() {
                push(tag);
            }
            codes.for_each(|code| push(&format!("{code:04X}")));
        }
        out
    }
}

/// The general category, two letters.
pub fn category(c: u32) -> &'static str {
    Version::Current.category(c)
}

/// The bidirectional class; empty when unassigned.
pub fn bidirectional(c: u32) -> &'static str {
    Version::Current.bidirectional(c)
}

/// The canonical combining class.
pub fn combining(c: u32) -> u8 {
    record(c).3
}

/// Whether the character is mirrored in text that runs from right to left.
pub fn mirrored(c: u32) -> bool {
    has(c, g::MIRRORED)
}

/// The East Asian width.
pub fn east_asian_width(c: u32) -> &'static str {
    Version::Current.east_asian_width(c)
}

/// The value as a decimal digit.
pub fn decimal(c: u32) -> Option<u8> {
    Some(record(c).5).filter(|&value| value != 255)
}

/// The value as a digit, of whatever kind.
pub fn digit(c: u32) -> Option<u8> {
    Some(record(c).6).filter(|&value| value != 255)
}

/// The numeric value.
pub fn numeric(c: u32) -> Option<f64> {
    Version::Current.numeric(c)
}

/// `unicodedata.decomposition`: an optional tag and code points in hexadecimal.
pub fn decomposition(c: u32) -> String {
    Version::Current.decomposition(c)
}
