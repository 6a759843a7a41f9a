//! `_codecs_cn`: GB 2312, GBK, GB 18030 and HZ.

use super::charset;
use super::codec::{CodecDef, Fault, State, Step, decoded, first, first_byte, one, pair, two};
use super::iso2022;
use std::sync::OnceLock;

/// The codecs.
pub static CODECS: &[CodecDef] = &[
    CodecDef::plain("gb2312", gb2312_encode, gb2312_decode),
    CodecDef::plain("gbk", gbk_encode, gbk_decode),
    CodecDef::plain("gb18030", gb18030_encode, gb18030_decode),
    CodecDef { encode_reset: Some(hz_encode_reset), decode_reset: Some(hz_decode_reset), ..CodecDef::plain("hz", hz_encode, hz_decode) },
];

fn gb2312_encode(_: &CodecDef, _: &mut State, input: &[u32], _: bool, out: &mut Vec<u8>) -> Step {
    match first(input) {
        c @ 0..=0x7f => one(out, c),
        c => charset::gb2312().code(c).map_or(Err(Fault::Illegal(1)), |code| two(out, code)),
    }
}

fn gb2312_decode(_: &CodecDef, _: &mut State, input: &[u8], out: &mut Vec<u32>) -> Step {
    if first_byte(input) < 0x80 {
        return decoded(out, Some(u32::from(first_byte(input))), 1);
    }
    let (a, b) = pair(input)?;
    decoded(out, charset::gb2312().char(a, b), 2)
}

fn gbk_encode(_: &CodecDef, _: &mut State, input: &[u32], _: bool, out: &mut Vec<u8>) -> Step {
    match first(input) {
        c @ 0..=0x7f => one(out, c),
        c => charset::gbk().code(c).map_or(Err(Fault::Illegal(1)), |code| two(out, code)),
    }
}

fn gbk_decode(_: &CodecDef, _: &mut State, input: &[u8], out: &mut Vec<u32>) -> Step {
    if first_byte(input) < 0x80 {
        return decoded(out, Some(u32::from(first_byte(input))), 1);
    }
    let (a, b) = pair(input)?;
    decoded(out, charset::gbk().char(a, b), 2)
}

/// The characters that GB 18030 writes as four bytes from 0x81308130 on, in order: those that have no two bytes.
fn in_four_bytes() -> &'static [u16] {
    static CHARS: OnceLock<Box<[u16]>> = OnceLock::new();
    CHARS.get_or_init(|| charset::gb18030().without_code().collect())
}

/// Four bytes that count from `lead` 30 81 30 on.
fn four(out: &mut Vec<u8>, lead: u8, mut number: u32) -> Step {
    let fourth = number % 10;
    number /= 10;
    let third = number % 126;
    number /= 126;
    out.extend([lead + (number / 10) as u8, (number % 10) as u8 + 0x30, third as u8 + 0x81, fourth as u8 + 0x30]);
    Ok(1)
}

fn gb18030_encode(_: &CodecDef, _: &mut State, input: &[u32], _: bool, out: &mut Vec<u8>) -> Step {
    let c = first(input);
    if c < 0x80 {
        return one(out, c);
    }
    if c >= 0x10000 {
        return four(out, 0x90, c - 0x10000);
    }
    if let Some(code) = charset::gb18030().code(c) {
        return two(out, code);
    }
    match u16::try_from(c).ok().and_then(|c| in_four_bytes().binary_search(&c).ok()) {
        Some(number) => four(out, 0x81, number as u32),
        None => Err(Fault::Illegal(1)),
    }
}

fn gb18030_decode(_: &CodecDef, _: &mut State, input: &[u8], out: &mut Vec<u32>) -> Step {
    if first_byte(input) < 0x80 {
        return decoded(out, Some(u32::from(first_byte(input))), 1);
    }
    let (a, b) = pair(input)?;
    if !b.is_ascii_digit() {
        return decoded(out, charset::gb18030().char(a, b), 2);
    }
    let &[_, _, c, d, ..] = input else { return Err(Fault::TooFew) };
    if !(0x81..=0xfe).contains(&a) || !(0x81..=0xfe).contains(&c) || !d.is_ascii_digit() {
        return Err(Fault::Illegal(1));
    }
    let (lead, rest) = (u32::from(a - 0x81), (u32::from(b - 0x30) * 126 + u32::from(c - 0x81)) * 10 + u32::from(d - 0x30));
    let found = match lead {
        0..4 => in_four_bytes().get((lead * 12600 + rest) as usize).map(|c| u32::from(*c)),
        15.. => Some(0x10000 + (lead - 15) * 12600 + rest).filter(|c| *c <= 0x10_ffff),
        _ => None,
    };
    decoded(out, found, 4)
}

fn hz_encode(_: &CodecDef, state: &mut State, input: &[u32], _: bool, out: &mut Vec<u8>) -> Step {
    let c = first(input);
    let shifted = state[0] != 0;
    if c < 0x80 {
        if shifted {
            out.extend(b"~}");
            state[0] = 0;
        }
        if c == u32::from(b'~') {
            out.push(b'~');
        }
        return one(out, c);
    }
    let Some(code) = charset::gb2312().code(c) else { return Err(Fault::Illegal(1)) };
    if !shifted {
        out.extend(b"~{");
        state[0] = 1;
    }
    two(out, code & 0x7f7f)
}

fn hz_encode_reset(state: &mut State, out: &mut Vec<u8>) {
    if std::mem::take(&mut state[0]) != 0 {
        out.extend(b"~}");
    }
}

fn hz_decode_reset(state: &mut State) {
    state[0] = 0;
}

fn hz_decode(_: &CodecDef, state: &mut State, input: &[u8], out: &mut Vec<u32>) -> Step {
    let a = first_byte(input);
    let shifted = state[0] != 0;
    if a == b'~' {
        let (_, b) = pair(input)?;
        match (b, shifted) {
            (b'~', false) => out.push(u32::from(b'~')),
            (b'{', false) => state[0] = 1,
            (b'\n', false) => {}
            (b'}', true) => state[0] = 0,
            _ => return Err(Fault::Illegal(1)),
        }
        return Ok(2);
    }
    if a >= 0x80 {
        return Err(Fault::Illegal(1));
    }
    if !shifted {
        return decoded(out, Some(u32::from(a)), 1);
    }
    let (a, b) = pair(input)?;
    decoded(out, iso2022::char_of_7(charset::gb2312(), a, b), 2)
}
