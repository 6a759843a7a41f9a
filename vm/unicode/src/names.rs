//! Names of characters, both ways.
//!
//! Names are sequences of words; a word's code is one byte, or two from `SINGLE` on. `name` searches the sorted code
//! points; `lookup_name` goes through an open-addressed table of hashes (FNV-1a of the upper-case name) and compares.
//! Hangul syllables and names that end in their code point are computed.

use crate::database::generated as g;

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Named {
    /// A character, by name or alias.
    Char(u32),
    /// A named sequence.
    Sequence(&'static [u32]),
}

const S_BASE: u32 = 0xac00;
const LEADS: [&str; 19] =
    ["G", "GG", "N", "D", "DD", "R", "M", "B", "BB", "S", "SS", "", "J", "JJ", "C", "K", "T", "P", "H"];
const VOWELS: [&str; 21] = [
    "A", "AE", "YA", "YAE", "EO", "E", "YEO", "YE", "O", "WA", "WAE", "OE", "YO", "U", "WEO", "WE", "WI", "YU", "EU",
    "YI", "I",
];
const TAILS: [&str; 28] = [
    "", "G", "GG", "GS", "N", "NJ", "NH", "D", "L", "LG", "LM", "LB", "LS", "LT", "LP", "LH", "M", "B", "BS", "S", "SS",
    "NG", "J", "C", "K", "T", "P", "H",
];
const HANGUL: &str = "HANGUL SYLLABLE ";

/// The name of `c`.
pub fn name(c: u32) -> Option<String> {
    if let Some(index) = c.checked_sub(S_BASE).filter(|&index| index < 19 * 21 * 28) {
        let [l, v, t] = [index / (21 * 28), index % (21 * 28) / 28, index % 28].map(|i| i as usize);
        return Some(format!("{HANGUL}{}{}{}", LEADS[l], VOWELS[v], TAILS[t]));
    }
    if let Some((.., prefix)) = g::NAME_RANGES.iter().find(|(first, last, _)| (*first..=*last).contains(&c)) {
        return Some(format!("{prefix}{c:X}"));
    }
    let (mut low, mut high) = (0, g::NAMED);
    while low < high {
        let middle = low.midpoint(high);
        if number(&g::NAME_CODES, middle) < c {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if low == g::NAMED || number(&g::NAME_CODES, low) != c {
        return None;
    }
    let mut out = String::new();
    for word in words(low) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(std::str::from_utf8(word).unwrap_or(""));
    }
    Some(out)
}

/// What `name` stands for, letters of either case: a character, an alias of one, or a sequence.
pub fn lookup_name(name: &str) -> Option<Named> {
    if let Some(c) = lookup_computed(name) {
        return Some(Named::Char(c));
    }
    let mut hash = 0x811c_9dc5_u32;
    for byte in name.bytes() {
        hash = (hash ^ u32::from(byte.to_ascii_uppercase())).wrapping_mul(0x0100_0193);
    }
    let mut slot = hash as usize & 0xffff;
    // The table is half empty, so that the search ends.
    loop {
        let index = usize::from(*g::NAME_TABLE.get(slot)?).checked_sub(1)?;
        if spells(index, name.as_bytes()) {
            let code = number(&g::NAME_CODES, index);
            return Some(match code.checked_sub(0x11_0000) {
                None => Named::Char(code),
                Some(sequence) => Named::Sequence(g::SEQUENCES.get(sequence as usize)?),
            });
        }
        slot = (slot + 1) & 0xffff;
    }
}

/// Hangul syllables and names that end in their code point.
fn lookup_computed(name: &str) -> Option<u32> {
    let strip = |prefix: &str| {
        let head = name.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then(|| &name[prefix.len()..])
    };
    if let Some(syllable) = strip(HANGUL) {
        return hangul(&syllable.to_ascii_uppercase());
    }
    let mut ranges = g::NAME_RANGES.iter().chain(&g::LOOKUP_RANGES);
    ranges.find_map(|&(first, last, prefix)| {
        let digits = strip(prefix).filter(|rest| matches!(rest.len(), 4 | 5) && !rest.starts_with(['0', '+']))?;
        let c = u32::from_str_radix(digits, 16).ok()?;
        (first..=last).contains(&c).then_some(c)
    })
}

fn hangul(syllable: &str) -> Option<u32> {
    // The longest part that fits is the right one: no name has two readings.
    let take = |parts: &[&str], text: &str| {
        let fits = parts.iter().enumerate().filter(|(_, part)| text.starts_with(**part));
        fits.max_by_key(|(_, part)| part.len()).map(|(i, part)| (i as u32, part.len()))
    };
    let (l, used) = take(&LEADS, syllable)?;
    let rest = &syllable[used..];
    let (v, used) = take(&VOWELS, rest)?;
    let rest = &rest[used..];
    let t = TAILS.iter().position(|tail| *tail == rest)? as u32;
    Some(S_BASE + (l * 21 + v) * 28 + t)
}

/// Entry `i` of a table of three-byte numbers.
fn number(table: &[u8], i: usize) -> u32 {
    table.get(3 * i..3 * i + 3).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], 0]))
}

fn slice<'a>(data: &'a [u8], offsets: &[u8], i: usize) -> &'a [u8] {
    data.get(number(offsets, i) as usize..number(offsets, i + 1) as usize).unwrap_or(&[])
}

/// The words of name `index`.
fn words(index: usize) -> impl Iterator<Item = &'static [u8]> {
    let mut codes = slice(&g::NAMES, &g::NAME_OFFSETS, index).iter().map(|&b| usize::from(b));
    std::iter::from_fn(move || {
        let mut word = codes.next()?;
        if word >= g::SINGLE {
            word = ((word - g::SINGLE) << 8) + codes.next()? + g::SINGLE;
        }
        Some(slice(&g::WORDS, &g::WORD_OFFSETS, word))
    })
}

/// Whether name `index` is `name`, case aside.
fn spells(index: usize, name: &[u8]) -> bool {
    let mut rest = name;
    let mut first = true;
    for word in words(index) {
        if !first {
            let Some(tail) = rest.strip_prefix(b" ") else { return false };
            rest = tail;
        }
        first = false;
        match rest.split_at_checked(word.len()) {
            Some((head, tail)) if head.eq_ignore_ascii_case(word) => rest = tail,
            _ => return false,
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        for (c, expected) in [
            (0x41, "LATIN CAPITAL LETTER A"),
            (0xac01, "HANGUL SYLLABLE GAG"),
            (0x4e00, "CJK UNIFIED IDEOGRAPH-4E00"),
            (0x1f40d, "SNAKE"),
        ] {
            assert_eq!(name(c).as_deref(), Some(expected));
            assert_eq!(lookup_name(&expected.to_lowercase()), Some(Named::Char(c)));
        }
        assert_eq!(name(0xd800), None);
        assert_eq!(lookup_name("LINE FEED"), Some(Named::Char(10)));
        assert!(matches!(lookup_name("KEYCAP NUMBER SIGN"), Some(Named::Sequence([0x23, 0xfe0f, 0x20e3]))));
        for absent in ["", "HANGUL SYLLABLE ", "CJK UNIFIED IDEOGRAPH-04E00", "SNAKE ", "SNÄKE"] {
            assert_eq!(lookup_name(absent), None);
        }
    }
}
