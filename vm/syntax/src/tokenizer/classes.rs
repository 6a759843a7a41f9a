//! What a byte can be in a source, as bits in a table.

/// Goes on in a name; every byte of a character outside ASCII may.
pub(super) const NAME: u8 = 1;
/// Begins a name.
pub(super) const NAME_START: u8 = 2;
pub(super) const DIGIT: u8 = 4;
/// The second character of an operator that has two.
pub(super) const SECOND: u8 = 8;
/// Behind digits: the number may go on, or what stands there may be a mistake.
pub(super) const NUMBER_MORE: u8 = 16;
/// Within a string: a quote, a backslash or a newline.
pub(super) const STRING_STOP: u8 = 32;

static CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let b = i as u8;
        if b.is_ascii_alphabetic() || b == b'_' || b >= 128 {
            table[i] |= NAME | NAME_START | NUMBER_MORE;
        }
        if b.is_ascii_digit() {
            table[i] |= NAME | DIGIT | NUMBER_MORE;
        }
        if matches!(b, b'=' | b'>' | b'<' | b'*' | b'/') {
            table[i] |= SECOND;
        }
        if b == b'.' {
            table[i] |= NUMBER_MORE;
        }
        if matches!(b, b'"' | b'\'' | b'\\' | b'\n') {
            table[i] |= STRING_STOP;
        }
        i += 1;
    }
    table
};

/// Whether `b` is one of `classes`.
#[inline(always)]
pub(super) fn is(b: u8, classes: u8) -> bool {
    CLASSES[b as usize] & classes != 0
}

/// The same for a character, which may be the end of input.
#[inline(always)]
pub(super) fn is_char(c: i32, classes: u8) -> bool {
    u8::try_from(c).is_ok_and(|b| is(b, classes))
}

/// How many bytes of `text` come before the first that is one of `classes`.
#[inline]
pub(super) fn until(text: &[u8], classes: u8) -> usize {
    text.iter().position(|&b| is(b, classes)).unwrap_or(text.len())
}

/// How many bytes at the beginning of `text` are of `classes`.
#[inline]
pub(super) fn while_in(text: &[u8], classes: u8) -> usize {
    text.iter().position(|&b| !is(b, classes)).unwrap_or(text.len())
}
