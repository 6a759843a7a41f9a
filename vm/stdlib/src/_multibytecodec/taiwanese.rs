//! `_codecs_tw` and `_codecs_hk`: Big5, code page 950 and Big5-HKSCS.

use super::charset::{self, Charset};
use super::codec::{CodecDef, Fault, State, Step, decoded, first, first_byte, one, pair, two};

/// The codecs of `_codecs_tw`.
pub static CODECS: &[CodecDef] = &[CodecDef::plain("big5", big5_encode, big5_decode), CodecDef::plain("cp950", cp950_encode, cp950_decode)];
/// The codecs of `_codecs_hk`.
pub static HONG_KONG: &[CodecDef] = &[CodecDef::plain("big5hkscs", hkscs_encode, hkscs_decode)];

fn encode(set: &Charset, input: &[u32], out: &mut Vec<u8>) -> Step {
    match first(input) {
        c @ 0..=0x7f => one(out, c),
        c => set.code(c).map_or(Err(Fault::Illegal(1)), |code| two(out, code)),
    }
}

fn decode(set: &Charset, input: &[u8], out: &mut Vec<u32>) -> Step {
    if first_byte(input) < 0x80 {
        return decoded(out, Some(u32::from(first_byte(input))), 1);
    }
    let (a, b) = pair(input)?;
    decoded(out, set.char(a, b), 2)
}

fn big5_encode(_: &CodecDef, _: &mut State, input: &[u32], _: bool, out: &mut Vec<u8>) -> Step {
    encode(charset::big5(), input, out)
}

fn big5_decode(_: &CodecDef, _: &mut State, input: &[u8], out: &mut Vec<u32>) -> Step {
    decode(charset::big5(), input, out)
}

/// Signs that Big5 has under codes where code page 950 has others: they can be written, and are read as the others.
const CP950_ALSO: [(u32, u16); 9] = [
    (0xa2, 0xa246), (0xa3, 0xa247), (0xa5, 0xa244), (0x2022, 0xa145), (0x203e, 0xa1c2), (0x223c, 0xa1e3), (0x2609, 0xa1f3), (0x2641, 0xa1f2),
    (0xff64, 0xa14e),
];

fn cp950_encode(_: &CodecDef, _: &mut State, input: &[u32], _: bool, out: &mut Vec<u8>) -> Step {
    match CP950_ALSO.iter().find(|also| also.0 == first(input)) {
        Some((_, code)) => two(out, *code),
        None => encode(charset::cp950(), input, out),
    }
}

fn cp950_decode(_: &CodecDef, _: &mut State, input: &[u8], out: &mut Vec<u32>) -> Step {
    decode(charset::cp950(), input, out)
}

/// Codes that stand for two characters: a letter and an accent.
const PAIRS: [(u16, [u32; 2]); 4] = [(0x8862, [0xca, 0x304]), (0x8864, [0xca, 0x30c]), (0x88a3, [0xea, 0x304]), (0x88a5, [0xea, 0x30c])];

fn hkscs_encode(_: &CodecDef, _: &mut State, input: &[u32], flush: bool, out: &mut Vec<u8>) -> Step {
    let c = first(input);
    if matches!(c, 0xca | 0xea) {
        match input.get(1) {
            None if !flush => return Err(Fault::TooFew),
            None => {}
            Some(&accent) => {
                if let Some((code, _)) = PAIRS.iter().find(|(_, chars)| *chars == [c, accent]) {
                    two(out, *code)?;
                    return Ok(2);
                }
            }
        }
    }
    encode(charset::big5hkscs(), input, out)
}

fn hkscs_decode(_: &CodecDef, _: &mut State, input: &[u8], out: &mut Vec<u32>) -> Step {
    if let &[a, b, ..] = input
        && let Some((_, chars)) = PAIRS.iter().find(|(code, _)| *code == u16::from(a) << 8 | u16::from(b)) {
            out.extend(chars);
            return Ok(2);
        }
    decode(charset::big5hkscs(), input, out)
}
