//! What a codec is: a name and steps that encode one character or decode one sequence at a time.

/// What a codec remembers between calls; CPython's eight bytes.
pub type State = [u8; 8];

/// Why a step could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// So many bytes or characters are malformed.
    Illegal(usize),
    /// More input may complete the sequence.
    TooFew,
    /// The codec has come into a state that it does not know.
    Internal,
}

/// How many characters or bytes a step has used.
pub type Step = Result<usize, Fault>;

/// Encodes the first of some characters; `flush` if no more will come.
pub type EncodeStep = fn(&CodecDef, &mut State, &[u32], bool, &mut Vec<u8>) -> Step;
/// Decodes the first of some bytes.
pub type DecodeStep = fn(&CodecDef, &mut State, &[u8], &mut Vec<u32>) -> Step;

/// A codec.
pub struct CodecDef {
    pub name: &'static str,
    pub encode: EncodeStep,
    pub decode: DecodeStep,
    /// The state that encoding begins with, and decoding.
    pub start: State,
    /// Writes what brings a reader back to the first state.
    pub encode_reset: Option<fn(&mut State, &mut Vec<u8>)>,
    pub decode_reset: Option<fn(&mut State)>,
    /// The character sets that escape sequences can call for; see [`super::iso2022`].
    pub designations: &'static [super::iso2022::Designation],
    /// Bits of [`super::iso2022::config`].
    pub config: u8,
}

impl CodecDef {
    /// A codec without state.
    pub const fn plain(name: &'static str, encode: EncodeStep, decode: DecodeStep) -> CodecDef {
        CodecDef { name, encode, decode, start: [0; 8], encode_reset: None, decode_reset: None, designations: &[], config: 0 }
    }
}

/// The character alone in a byte.
pub fn one(out: &mut Vec<u8>, byte: u32) -> Step {
    out.push(byte as u8);
    Ok(1)
}

/// The character as a code of two bytes.
pub fn two(out: &mut Vec<u8>, code: u16) -> Step {
    out.extend(code.to_be_bytes());
    Ok(1)
}

/// A sequence of `len` bytes gave one character, or none.
pub fn decoded(out: &mut Vec<u32>, c: Option<u32>, len: usize) -> Step {
    match c {
        Some(c) => {
            out.push(c);
            Ok(len)
        }
        None => Err(Fault::Illegal(1)),
    }
}

/// The first byte and the second.
pub fn pair(input: &[u8]) -> Result<(u8, u8), Fault> {
    match input {
        [a, b, ..] => Ok((*a, *b)),
        _ => Err(Fault::TooFew),
    }
}

/// The first character; there is one.
pub fn first(input: &[u32]) -> u32 {
    input.first().copied().unwrap_or(0)
}

/// The first byte; there is one.
pub fn first_byte(input: &[u8]) -> u8 {
    input.first().copied().unwrap_or(0)
}
