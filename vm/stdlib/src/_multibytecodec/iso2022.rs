//! `_codecs_iso2022`: character sets that escape sequences switch between (ISO 2022).
//!
//! The state's first bytes are the marks of the sets G0, G1 and G2 (their final bytes, with the high bit for sets of two bytes a character);
//! the fifth are flags, as in CPython, so that states can be exchanged.
//!
//! Absent: `iso2022_jp_3` and `iso2022_jp_2004`, which need the tables of JIS X 0213.

use super::charset::{self, Charset};
use super::codec::{CodecDef, Fault, State, Step, first, first_byte};
use super::japanese::{KATAKANA, KATAKANA_BASE};

/// How codecs differ.
pub mod config {
    /// Shift-in and shift-out are characters like others.
    pub const NO_SHIFT: u8 = 1;
    /// There is a set G2, of which single characters can be taken.
    pub const USE_G2: u8 = 2;
    /// The escape sequence of JIS X 0208 may have its edition in front.
    pub const JISX0208_EDITION: u8 = 4;
}

const JAPANESE: u8 = config::NO_SHIFT | config::JISX0208_EDITION;

/// A character set and how it is called.
pub struct Designation {
    mark: u8,
    /// Which of G0 to G2 it becomes when something is written.
    plane: u8,
    width: usize,
    decode: fn(&[u8]) -> Option<u32>,
    encode: fn(u32) -> Option<u16>,
}

const WIDE: u8 = 0x80;
const ASCII: u8 = b'B';
const ISO8859_1: u8 = b'A';
const ISO8859_7: u8 = b'F';
const JISX0208: u8 = b'B' | WIDE;

const fn wide(mark: u8, plane: u8, decode: fn(&[u8]) -> Option<u32>, encode: fn(u32) -> Option<u16>) -> Designation {
    Designation { mark: mark | WIDE, plane, width: 2, decode, encode }
}

const fn narrow(mark: u8, plane: u8, decode: fn(&[u8]) -> Option<u32>, encode: fn(u32) -> Option<u16>) -> Designation {
    Designation { mark, plane, width: 1, decode, encode }
}

/// The character of a code of seven bits in a set of 94 by 94.
pub fn char_of_7(set: &Charset, high: u8, low: u8) -> Option<u32> {
    let graphic = |b: u8| (0x21..=0x7e).contains(&b);
    if graphic(high) && graphic(low) { set.char(high | 0x80, low | 0x80) } else { None }
}

fn wide_char(set: &Charset, input: &[u8]) -> Option<u32> {
    let &[a, b, ..] = input else { return None };
    char_of_7(set, a, b)
}

fn seven(code: Option<u16>) -> Option<u16> {
    code.map(|code| code & 0x7f7f)
}

fn ksx1001_encode(c: u32) -> Option<u16> {
    seven(charset::cp949().code(c).filter(|code| *code >= 0xa1a1 && code & 0xff >= 0xa1))
}

fn jisx0201_roman_decode(input: &[u8]) -> Option<u32> {
    Some(match first_byte(input) {
        0x5c => 0xa5,
        0x7e => 0x203e,
        c => u32::from(c),
    })
}

fn jisx0201_roman_encode(c: u32) -> Option<u16> {
    match c {
        0xa5 => Some(0x5c),
        0x203e => Some(0x7e),
        0x5c | 0x7e => None,
        c => u16::try_from(c).ok().filter(|c| *c < 0x80),
    }
}

fn jisx0201_katakana_decode(input: &[u8]) -> Option<u32> {
    let c = u32::from(first_byte(input) ^ 0x80);
    (0xa1..=0xdf).contains(&c).then(|| KATAKANA_BASE + c)
}

fn jisx0201_katakana_encode(c: u32) -> Option<u16> {
    KATAKANA.contains(&c).then(|| (c - KATAKANA_BASE - 0x80) as u16)
}

fn jisx0212_encode(c: u32) -> Option<u16> {
    // What JIS X 0208 has is not written in the supplement.
    if charset::jisx0208().code(c).is_some() { None } else { seven(charset::jisx0212().code(c)) }
}

const fn jisx0208(mark: u8) -> Designation {
    wide(mark, 0, |i| wide_char(charset::jisx0208(), i), |c| seven(charset::jisx0208().code(c)))
}

const JISX0212: Designation = wide(b'D', 0, |i| wide_char(charset::jisx0212(), i), jisx0212_encode);
const GB2312: Designation = wide(b'A', 0, |i| wide_char(charset::gb2312(), i), |c| seven(charset::gb2312().code(c)));
const ROMAN: Designation = narrow(b'J', 0, jisx0201_roman_decode, jisx0201_roman_encode);

const fn ksx1001(plane: u8) -> Designation {
    wide(b'C', plane, |i| wide_char(charset::cp949(), i), ksx1001_encode)
}

/// A set that is only read, through G2.
const fn read_through_g2(mark: u8) -> Designation {
    narrow(mark, 2, |_| None, |_| None)
}

const fn codec(name: &'static str, config: u8, designations: &'static [Designation]) -> CodecDef {
    CodecDef {
        name,
        encode,
        decode,
        start: [ASCII, ASCII, ASCII, 0, 0, 0, 0, 0],
        encode_reset: Some(encode_reset),
        decode_reset: Some(decode_reset),
        designations,
        config,
    }
}

/// The codecs.
pub static CODECS: &[CodecDef] = &[
    codec("iso2022_kr", 0, &[ksx1001(1)]),
    codec("iso2022_jp", JAPANESE, &[jisx0208(b'B'), ROMAN, jisx0208(b'@')]),
    codec("iso2022_jp_1", JAPANESE, &[jisx0208(b'B'), JISX0212, ROMAN, jisx0208(b'@')]),
    codec(
        "iso2022_jp_2",
        JAPANESE | config::USE_G2,
        &[
            jisx0208(b'B'), JISX0212, ksx1001(0), GB2312, ROMAN, jisx0208(b'@'), read_through_g2(ISO8859_1), read_through_g2(ISO8859_7),
        ],
    ),
    codec(
        "iso2022_jp_ext",
        JAPANESE,
        &[jisx0208(b'B'), JISX0212, ROMAN, narrow(b'I', 0, jisx0201_katakana_decode, jisx0201_katakana_encode), jisx0208(b'@')],
    ),
];

const ESC: u8 = 0x1b;
const SO: u8 = 0x0e;
const SI: u8 = 0x0f;
/// The longest escape sequence that is looked for.
const MAX_ESCAPE: usize = 16;

const SHIFTED: u8 = 1;
/// In the middle of an escape sequence that is none of ISO 2022's.
const ESCAPED: u8 = 2;

fn has(state: &State, flag: u8) -> bool {
    state[4] & flag != 0
}

fn unshift(state: &mut State, out: &mut Vec<u8>) {
    if has(state, SHIFTED) {
        out.push(SI);
        state[4] &= !SHIFTED;
    }
}

fn to_ascii(state: &mut State, out: &mut Vec<u8>) {
    if state[0] != ASCII {
        out.extend([ESC, b'(', ASCII]);
        state[0] = ASCII;
    }
}

fn encode_reset(state: &mut State, out: &mut Vec<u8>) {
    unshift(state, out);
    to_ascii(state, out);
}

fn decode_reset(state: &mut State) {
    state[0] = ASCII;
    state[4] &= !SHIFTED;
}

fn encode(def: &CodecDef, state: &mut State, input: &[u32], _: bool, out: &mut Vec<u8>) -> Step {
    let c = first(input);
    if c < 0x80 {
        to_ascii(state, out);
        unshift(state, out);
        out.push(c as u8);
        return Ok(1);
    }
    let found = def.designations.iter().find_map(|set| (set.encode)(c).map(|code| (set, code)));
    let Some((set, code)) = found else { return Err(Fault::Illegal(1)) };
    let mark = set.mark & !WIDE;
    match set.plane {
        0 => {
            unshift(state, out);
            if state[0] != set.mark {
                match set.width {
                    1 => out.extend([ESC, b'(', mark]),
                    _ if set.mark == JISX0208 => out.extend([ESC, b'$', mark]),
                    _ => out.extend([ESC, b'$', b'(', mark]),
                }
                state[0] = set.mark;
            }
        }
        1 => {
            if state[1] != set.mark {
                if set.width == 1 { out.extend([ESC, b')', mark]) } else { out.extend([ESC, b'$', b')', mark]) }
                state[1] = set.mark;
            }
            if !has(state, SHIFTED) {
                out.push(SO);
                state[4] |= SHIFTED;
            }
        }
        _ => return Err(Fault::Internal),
    }
    if set.width == 1 { out.push(code as u8) } else { out.extend(code.to_be_bytes()) }
    Ok(1)
}

fn ends_escape(c: u8) -> bool {
    c.is_ascii_uppercase() || c == b'@'
}

fn plain(out: &mut Vec<u32>, c: u8) -> Step {
    out.push(u32::from(c));
    Ok(1)
}

fn decode(def: &CodecDef, state: &mut State, input: &[u8], out: &mut Vec<u32>) -> Step {
    let c = first_byte(input);
    if has(state, ESCAPED) {
        if ends_escape(c) {
            state[4] &= !ESCAPED;
        }
        return plain(out, c);
    }
    let shifts = def.config & config::NO_SHIFT == 0;
    match c {
        ESC => return decode_escape(def, state, input, out),
        SI if shifts => {
            state[4] &= !SHIFTED;
            return Ok(1);
        }
        SO if shifts => {
            state[4] |= SHIFTED;
            return Ok(1);
        }
        b'\n' => {
            state[4] &= !SHIFTED;
            return plain(out, c);
        }
        0..=0x1f => return plain(out, c),
        0x80.. => return Err(Fault::Illegal(1)),
        _ => {}
    }
    let mark = if has(state, SHIFTED) { state[1] } else { state[0] };
    if mark == ASCII {
        return plain(out, c);
    }
    let Some(set) = def.designations.iter().find(|set| set.mark == mark) else { return Err(Fault::Illegal(1)) };
    if input.len() < set.width {
        return Err(Fault::TooFew);
    }
    match (set.decode)(input) {
        Some(c) => {
            out.push(c);
            Ok(set.width)
        }
        None => Err(Fault::Illegal(set.width)),
    }
}

fn decode_escape(def: &CodecDef, state: &mut State, input: &[u8], out: &mut Vec<u32>) -> Step {
    match input.get(1) {
        None => Err(Fault::TooFew),
        Some(b'(' | b')' | b'$' | b'.' | b'&') => designate(def, state, input),
        Some(b'N') if def.config & config::USE_G2 != 0 => {
            let &[_, _, c, ..] = input else { return Err(Fault::TooFew) };
            let found = match state[2] {
                ISO8859_1 if c < 0x80 => Some(u32::from(c) + 0x80),
                ISO8859_7 => iso8859_7(c ^ 0x80),
                ASCII if c < 0x80 => Some(u32::from(c)),
                ISO8859_1 | ASCII => None,
                _ => return Err(Fault::Internal),
            };
            match found {
                Some(c) => {
                    out.push(c);
                    Ok(3)
                }
                None => Err(Fault::Illegal(3)),
            }
        }
        Some(_) => {
            state[4] |= ESCAPED;
            plain(out, ESC)
        }
    }
}

/// A character of the Greek set; bits say which codes of two stretches have one.
fn iso8859_7(c: u8) -> Option<u32> {
    let wide = u32::from(c);
    match c {
        0..0xa0 => Some(wide),
        0xa1 => Some(0x2018),
        0xa2 => Some(0x2019),
        0xaf => Some(0x2015),
        0xa0..0xc0 if 0x288f_3bc9_u32 >> (c - 0xa0) & 1 != 0 => Some(wide),
        0xb4..0xd4 if 0xbfff_fd77_u32 >> (c - 0xb4) & 1 != 0 => Some(wide + 0x2d0),
        0xd4..=0xfe => Some(wide + 0x2d0),
        _ => None,
    }
}

/// An escape sequence that calls a set.
fn designate(def: &CodecDef, state: &mut State, input: &[u8]) -> Step {
    let edition = def.config & config::JISX0208_EDITION != 0;
    let (mut at, mut len) = (1, 0);
    while at < MAX_ESCAPE {
        let Some(&c) = input.get(at) else { return Err(Fault::TooFew) };
        if ends_escape(c) {
            len = at + 1;
            break;
        }
        at += if edition && c == b'&' && input.get(at + 1) == Some(&b'@') { 3 } else { 1 };
    }
    let (plane, mark) = match input.get(..len).unwrap_or_default() {
        [] => return Err(Fault::Illegal(1)),
        &[_, b'$', mark] => (0, mark | WIDE),
        &[_, b'(', mark] => (0, mark),
        &[_, b')', mark] => (1, mark),
        &[_, b'.', mark] if def.config & config::USE_G2 != 0 => (2, mark),
        &[_, b'$', b'(', mark] => (0, mark | WIDE),
        &[_, b'$', b')', mark] => (1, mark | WIDE),
        &[_, _, _, ESC, b'$', b'B'] if edition => (0, JISX0208),
        _ => return Err(Fault::Illegal(len)),
    };
    if mark != ASCII && !def.designations.iter().any(|set| set.mark == mark) {
        return Err(Fault::Illegal(len));
    }
    if let Some(slot) = state.get_mut(plane) {
        *slot = mark;
    }
    Ok(len)
}
