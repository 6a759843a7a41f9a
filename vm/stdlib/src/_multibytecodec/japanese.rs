//! `_codecs_jp`: Shift_JIS, code page 932 and EUC-JP.

use super::charset;
use super::codec::{CodecDef, Fault, State, Step, decoded, first, first_byte, one, pair, two};

/// The codecs.
pub static CODECS: &[CodecDef] = &[
    CodecDef::plain("shift_jis", shift_jis_encode, shift_jis_decode),
    CodecDef::plain("cp932", cp932_encode, cp932_decode),
    CodecDef::plain("euc_jp", euc_jp_encode, euc_jp_decode),
];

/// Katakana of half width are one byte, 0xa1 to 0xdf.
pub const KATAKANA: std::ops::RangeInclusive<u32> = 0xff61..=0xff9f;
/// What to take from such a character to get the byte.
pub const KATAKANA_BASE: u32 = 0xfec0;

const YEN: u32 = 0xa5;
const OVERLINE: u32 = 0x203e;

/// A code of JIS X 0208 as Shift_JIS has it: two rows in one.
fn shift(code: u16) -> [u8; 2] {
    let [high, low] = (code & 0x7f7f).to_be_bytes();
    let row = high - 0x21;
    let cell = low - 0x21 + if row & 1 != 0 { 0x5e } else { 0 };
    let row = row >> 1;
    [row + if row < 0x1f { 0x81 } else { 0xc1 }, cell + if cell < 0x3f { 0x40 } else { 0x41 }]
}

/// The reverse, with both high bits set; the bytes are in range.
fn unshift(high: u8, low: u8) -> (u8, u8) {
    let row = 2 * (high - if high < 0xe0 { 0x81 } else { 0xc1 });
    let cell = low - if low < 0x80 { 0x40 } else { 0x41 };
    let (row, cell) = if cell < 0x5e { (row, cell) } else { (row + 1, cell - 0x5e) };
    (row.wrapping_add(0xa1), cell + 0xa1)
}

fn shift_jis_encode(_: &CodecDef, _: &mut State, input: &[u32], _: bool, out: &mut Vec<u8>) -> Step {
    match first(input) {
        c @ 0..=0x7f => one(out, c),
        YEN => one(out, 0x5c),
        OVERLINE => one(out, 0x7e),
        c if KATAKANA.contains(&c) => one(out, c - KATAKANA_BASE),
        c => match charset::jisx0208().code(c) {
            Some(code) => {
                out.extend(shift(code));
                Ok(1)
            }
            None => Err(Fault::Illegal(1)),
        },
    }
}

fn shift_jis_decode(_: &CodecDef, _: &mut State, input: &[u8], out: &mut Vec<u32>) -> Step {
    match first_byte(input) {
        c @ 0..=0x7f => decoded(out, Some(u32::from(c)), 1),
        c @ 0xa1..=0xdf => decoded(out, Some(KATAKANA_BASE + u32::from(c)), 1),
        0x81..=0x9f | 0xe0..=0xea => {
            let (a, b) = pair(input)?;
            if !matches!(b, 0x40..=0x7e | 0x80..=0xfc) {
                return Err(Fault::Illegal(1));
            }
            let (high, low) = unshift(a, b);
            let found = charset::jisx0208().char(high, low);
            decoded(out, found, 2)
        }
        _ => Err(Fault::Illegal(1)),
    }
}

/// Signs of JIS X 0208 that code page 932 reads as their wide forms.
const CP932_ALSO: [(u32, u16); 6] = [(0xa2, 0x8191), (0xa3, 0x8192), (0xac, 0x81ca), (0x2016, 0x8161), (0x2212, 0x817c), (0x301c, 0x8160)];

fn cp932_encode(_: &CodecDef, _: &mut State, input: &[u32], _: bool, out: &mut Vec<u8>) -> Step {
    match first(input) {
        c @ 0..=0x80 => one(out, c),
        c if KATAKANA.contains(&c) => one(out, c - KATAKANA_BASE),
        0xf8f0 => one(out, 0xa0),
        c @ 0xf8f1..=0xf8f3 => one(out, c - 0xf8f1 + 0xfd),
        c => {
            let also = CP932_ALSO.iter().find(|also| also.0 == c).map(|also| also.1);
            also.or_else(|| charset::cp932().code(c)).map_or(Err(Fault::Illegal(1)), |code| two(out, code))
        }
    }
}

fn cp932_decode(_: &CodecDef, _: &mut State, input: &[u8], out: &mut Vec<u32>) -> Step {
    match first_byte(input) {
        c @ 0..=0x80 => decoded(out, Some(u32::from(c)), 1),
        0xa0 => decoded(out, Some(0xf8f0), 1),
        c @ 0xa1..=0xdf => decoded(out, Some(KATAKANA_BASE + u32::from(c)), 1),
        c @ 0xfd..=0xff => decoded(out, Some(0xf8f1 + u32::from(c) - 0xfd), 1),
        _ => {
            let (a, b) = pair(input)?;
            decoded(out, charset::cp932().char(a, b), 2)
        }
    }
}

fn euc_jp_encode(_: &CodecDef, _: &mut State, input: &[u32], _: bool, out: &mut Vec<u8>) -> Step {
    match first(input) {
        c @ 0..=0x7f => one(out, c),
        YEN => one(out, 0x5c),
        OVERLINE => one(out, 0x7e),
        c if KATAKANA.contains(&c) => {
            out.push(0x8e);
            one(out, c - KATAKANA_BASE)
        }
        c => match (charset::jisx0208().code(c), charset::jisx0212().code(c)) {
            (Some(code), _) => two(out, code),
            (None, Some(code)) => {
                out.push(0x8f);
                two(out, code)
            }
            (None, None) => Err(Fault::Illegal(1)),
        },
    }
}

fn euc_jp_decode(_: &CodecDef, _: &mut State, input: &[u8], out: &mut Vec<u32>) -> Step {
    match first_byte(input) {
        c @ 0..=0x7f => decoded(out, Some(u32::from(c)), 1),
        0x8e => {
            let (_, b) = pair(input)?;
            decoded(out, (0xa1..=0xdf).contains(&b).then(|| KATAKANA_BASE + u32::from(b)), 2)
        }
        0x8f => {
            let &[_, a, b, ..] = input else { return Err(Fault::TooFew) };
            decoded(out, charset::jisx0212().char(a, b), 3)
        }
        _ => {
            let (a, b) = pair(input)?;
            decoded(out, charset::jisx0208().char(a, b), 2)
        }
    }
}
