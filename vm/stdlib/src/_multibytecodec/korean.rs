//! `_codecs_kr`: EUC-KR, code page 949 and Johab.

use super::charset;
use super::codec::{CodecDef, Fault, State, Step, decoded, first, first_byte, one, pair, two};

/// The codecs.
pub static CODECS: &[CodecDef] = &[
    CodecDef::plain("euc_kr", euc_kr_encode, euc_kr_decode),
    CodecDef::plain("cp949", cp949_encode, cp949_decode),
    CodecDef::plain("johab", johab_encode, johab_decode),
];

/// The first of the syllables, which go on by initial consonant, vowel, final consonant.
const SYLLABLES: u32 = 0xac00;
const VOWELS: u32 = 21;
const FINALS: u32 = 28;
const SYLLABLE_COUNT: u32 = 19 * VOWELS * FINALS;

/// The places of the initial consonants among the letters of KS X 1001, from 0xa1 on.
const INITIAL: [u8; 19] =
    [0xa1, 0xa2, 0xa4, 0xa7, 0xa8, 0xa9, 0xb1, 0xb2, 0xb3, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xbb, 0xbc, 0xbd, 0xbe];
/// Those of the final consonants; the first stands for none.
const FINAL: [u8; 28] = [
    0xd4, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 0xb0, 0xb1, 0xb2, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8,
    0xba, 0xbb, 0xbc, 0xbd, 0xbe,
];
const FIRST_VOWEL: u8 = 0xbf;
const LETTERS: u8 = 0xa4;
const FILLER: u8 = 0xd4;

fn syllable(c: u32) -> Option<(u32, u32, u32)> {
    let n = c.checked_sub(SYLLABLES).filter(|n| *n < SYLLABLE_COUNT)?;
    Some((n / (VOWELS * FINALS), n / FINALS % VOWELS, n % FINALS))
}

fn is_94(code: u16) -> bool {
    code & 0x8080 == 0x8080 && code >= 0xa1a1 && code & 0xff >= 0xa1
}

fn euc_kr_encode(_: &CodecDef, _: &mut State, input: &[u32], _: bool, out: &mut Vec<u8>) -> Step {
    let c = first(input);
    if c < 0x80 {
        return one(out, c);
    }
    let Some(code) = charset::cp949().code(c) else { return Err(Fault::Illegal(1)) };
    if is_94(code) {
        return two(out, code);
    }
    // A syllable that the set has not is spelled (KS X 1001:1998, annex 3).
    let Some((initial, vowel, last)) = syllable(c) else { return Err(Fault::Illegal(1)) };
    let letter = |table: &[u8], n: u32| table.get(n as usize).copied().unwrap_or(FILLER);
    out.extend([LETTERS, FILLER, LETTERS, letter(&INITIAL, initial), LETTERS, FIRST_VOWEL + vowel as u8, LETTERS, letter(&FINAL, last)]);
    Ok(1)
}

fn euc_kr_decode(_: &CodecDef, _: &mut State, input: &[u8], out: &mut Vec<u32>) -> Step {
    if first_byte(input) < 0x80 {
        return decoded(out, Some(u32::from(first_byte(input))), 1);
    }
    let (a, b) = pair(input)?;
    if (a, b) == (LETTERS, FILLER) {
        let &[_, _, c, initial, d, vowel, e, last, ..] = input else { return Err(Fault::TooFew) };
        let place = |table: &[u8], byte: u8| table.iter().position(|x| *x == byte).map(|n| n as u32);
        let vowel = u32::from(vowel).checked_sub(u32::from(FIRST_VOWEL)).filter(|v| *v < VOWELS);
        let found = match (place(&INITIAL, initial), vowel, place(&FINAL, last)) {
            (Some(i), Some(v), Some(l)) if [c, d, e] == [LETTERS; 3] => Some(SYLLABLES + (i * VOWELS + v) * FINALS + l),
            _ => None,
        };
        return decoded(out, found, 8);
    }
    let found = if a >= 0xa1 && b >= 0xa1 { charset::cp949().char(a, b) } else { None };
    decoded(out, found, 2)
}

fn cp949_encode(_: &CodecDef, _: &mut State, input: &[u32], _: bool, out: &mut Vec<u8>) -> Step {
    match first(input) {
        c @ 0..=0x7f => one(out, c),
        c => charset::cp949().code(c).map_or(Err(Fault::Illegal(1)), |code| two(out, code)),
    }
}

fn cp949_decode(_: &CodecDef, _: &mut State, input: &[u8], out: &mut Vec<u32>) -> Step {
    if first_byte(input) < 0x80 {
        return decoded(out, Some(u32::from(first_byte(input))), 1);
    }
    let (a, b) = pair(input)?;
    decoded(out, charset::cp949().char(a, b), 2)
}

// Johab: five bits each for initial, vowel and final, with gaps and with a filler where there is none.

/// The five bits that stand for an initial consonant, a vowel, a final consonant.
fn initial_bits(n: u32) -> u16 {
    n as u16 + 2
}

fn vowel_bits(n: u32) -> u16 {
    n as u16 + match n {
        0..=4 => 3,
        5..=10 => 5,
        11..=16 => 7,
        _ => 9,
    }
}

fn final_bits(n: u32) -> u16 {
    n as u16 + if n <= 16 { 1 } else { 2 }
}

const NO_INITIAL: u16 = 1;
const NO_VOWEL: u16 = 2;
const NO_FINAL: u16 = 1;

fn johab(initial: u16, vowel: u16, last: u16) -> u16 {
    0x8000 | initial << 10 | vowel << 5 | last
}

/// A single letter, U+3131 to U+3163.
fn johab_letter(c: u32) -> u16 {
    let place = (c - 0x3131) as u8 + 0xa1;
    if place >= FIRST_VOWEL {
        return johab(NO_INITIAL, vowel_bits(u32::from(place - FIRST_VOWEL)), NO_FINAL);
    }
    match INITIAL.iter().position(|x| *x == place) {
        Some(n) => johab(initial_bits(n as u32), NO_VOWEL, NO_FINAL),
        None => johab(NO_INITIAL, NO_VOWEL, final_bits(FINAL.iter().position(|x| *x == place).unwrap_or(0) as u32)),
    }
}

fn johab_encode(_: &CodecDef, _: &mut State, input: &[u32], _: bool, out: &mut Vec<u8>) -> Step {
    let c = first(input);
    if c < 0x80 {
        return one(out, c);
    }
    if let Some((initial, vowel, last)) = syllable(c) {
        return two(out, johab(initial_bits(initial), vowel_bits(vowel), final_bits(last)));
    }
    if (0x3131..=0x3163).contains(&c) {
        return two(out, johab_letter(c));
    }
    let code = charset::cp949().code(c).filter(|code| is_94(*code));
    let Some([high, low]) = code.map(|code| (code & 0x7f7f).to_be_bytes()) else { return Err(Fault::Illegal(1)) };
    // Two rows of KS X 1001 make one of Johab.
    let row = match high {
        0x21..=0x2c => u16::from(high - 0x21) + 0x1b2,
        0x4a..=0x7d => u16::from(high - 0x21) + 0x197,
        _ => return Err(Fault::Illegal(1)),
    };
    let cell = (if row & 1 != 0 { 0x5e } else { 0 }) + low - 0x21;
    out.extend([(row >> 1) as u8, cell + if cell < 0x4e { 0x31 } else { 0x43 }]);
    Ok(1)
}

fn place(bits: u16, none: u16, count: u32, of: fn(u32) -> u16) -> Option<Option<u32>> {
    if bits == none {
        return Some(None);
    }
    (0..count).find(|n| of(*n) == bits).map(Some)
}

fn johab_decode(_: &CodecDef, _: &mut State, input: &[u8], out: &mut Vec<u32>) -> Step {
    if first_byte(input) < 0x80 {
        return decoded(out, Some(u32::from(first_byte(input))), 1);
    }
    let (a, b) = pair(input)?;
    if a < 0xd8 {
        let code = u16::from(a) << 8 | u16::from(b);
        return decoded(out, johab_hangul(code), 2);
    }
    let illegal = matches!(a, 0xd8 | 0xdf) || a > 0xf9 || b < 0x31 || (0x80..0x91).contains(&b) || b & 0x7f == 0x7f || a == 0xda && (0xa1..=0xd3).contains(&b);
    if illegal {
        return Err(Fault::Illegal(1));
    }
    let row = if a < 0xe0 { 2 * (u16::from(a) - 0xd9) } else { 2 * u16::from(a) - 0x197 };
    let cell = b - if b < 0x91 { 0x31 } else { 0x43 };
    let (row, cell) = if cell < 0x5e { (row, cell) } else { (row + 1, cell - 0x5e) };
    let found = u8::try_from(row + 0xa1).ok().and_then(|high| charset::cp949().char(high, cell + 0xa1));
    decoded(out, found, 2)
}

fn johab_hangul(code: u16) -> Option<u32> {
    let (initial, vowel, last) = (code >> 10 & 31, code >> 5 & 31, code & 31);
    let initial = place(initial, NO_INITIAL, 19, initial_bits)?;
    let vowel = place(vowel, NO_VOWEL, VOWELS, vowel_bits)?;
    // The final consonant that stands for none has the filler's bits.
    let last = place(last, NO_FINAL, FINALS, final_bits)?;
    let letter = |table: &[u8], n: u32| table.get(n as usize).map(|x| 0x3131 + u32::from(x - 0xa1));
    match (initial, vowel, last) {
        (None, None, None) => Some(0x3000),
        (None, None, Some(l)) => letter(&FINAL, l),
        (None, Some(v), None) => Some(0x3131 + u32::from(FIRST_VOWEL - 0xa1) + v),
        (Some(i), None, None) => letter(&INITIAL, i),
        (Some(i), Some(v), last) => Some(SYLLABLES + (i * VOWELS + v) * FINALS + last.unwrap_or(0)),
        (None, Some(_), Some(_)) | (Some(_), None, Some(_)) => None,
    }
}
