//! Cuts a source into tokens, roughly, without the tokenizer that is being tested; and picks a part of it that can stand alone.
//!
//! Every byte is in exactly one piece. What is no Python comes out as pieces all the same.

use super::random::Random;

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Name,
    Number,
    String,
    Operator,
    Comment,
    Newline,
    Space,
    Other,
}

/// A kind and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub kind: Kind,
    pub bytes: Vec<u8>,
}

impl Piece {
    pub fn new(kind: Kind, bytes: &[u8]) -> Self {
        Self { kind, bytes: bytes.to_vec() }
    }

    /// What the grammar sees.
    pub fn is_solid(&self) -> bool {
        !matches!(self.kind, Kind::Space | Kind::Comment | Kind::Newline)
    }
}

const LONG_OPERATORS: [&[u8]; 24] = [
    b"**=", b"//=", b">>=", b"<<=", b"...", b"!=", b"->", b":=", b"**", b"//", b">>", b"<<", b"<=", b">=", b"==", b"+=",
    b"-=", b"*=", b"/=", b"%=", b"&=", b"|=", b"^=", b"@=",
];

/// The pieces of a source, in order.
pub fn pieces(source: &[u8]) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.first() {
        let (kind, len) = next(rest, *first);
        let (piece, behind) = rest.split_at(len.clamp(1, rest.len()));
        out.push(Piece::new(kind, piece));
        rest = behind;
    }
    out
}

fn next(rest: &[u8], first: u8) -> (Kind, usize) {
    let while_true = |test: &dyn Fn(&u8) -> bool| rest.iter().take_while(|byte| test(byte)).count();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
    match first {
        b'\n' => (Kind::Newline, 1),
        b'\r' => (Kind::Newline, 1 + usize::from(rest.get(1) == Some(&b'\n'))),
        b' ' | b'\t' | 12 => (Kind::Space, while_true(&|byte| matches!(byte, b' ' | b'\t' | 12))),
        b'\\' if rest.get(1) == Some(&b'\n') => (Kind::Space, 2),
        b'#' => (Kind::Comment, while_true(&|byte| !matches!(byte, b'\n' | b'\r'))),
        b'"' | b'\'' => (Kind::String, string_len(rest, 0)),
        b'0'..=b'9' => (Kind::Number, while_true(&|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))),
        b'.' if rest.get(1).is_some_and(u8::is_ascii_digit) => {
            (Kind::Number, while_true(&|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')))
        }
        _ if is_word(&first) => {
            let len = while_true(&is_word);
            let is_prefix = len <= 2 && rest[..len].iter().all(|byte| b"rRbBfFuUtT".contains(byte));
            match rest.get(len) {
                Some(b'"' | b'\'') if is_prefix => (Kind::String, string_len(rest, len)),
                _ => (Kind::Name, len),
            }
        }
        _ if first.is_ascii_punctuation() => {
            let long = LONG_OPERATORS.iter().find(|operator| rest.starts_with(operator));
            (Kind::Operator, long.map_or(1, |operator| operator.len()))
        }
        _ => (Kind::Other, 1),
    }
}

/// Length of the string whose quote stands at `at`; one that is not closed ends with its line, or with the source.
fn string_len(rest: &[u8], at: usize) -> usize {
    let Some(&quote) = rest.get(at) else { return rest.len() };
    let triple = [quote; 3];
    let is_triple = rest.get(at..).is_some_and(|text| text.starts_with(&triple));
    let mut here = at + if is_triple { 3 } else { 1 };
    while let Some(byte) = rest.get(here) {
        match byte {
            b'\\' => here += 1,
            b'\n' if !is_triple => return here,
            byte if *byte == quote && !is_triple => return here + 1,
            _ if is_triple && rest.get(here..).is_some_and(|text| text.starts_with(&triple)) => return here + 3,
            _ => {}
        }
        here += 1;
    }
    rest.len()
}

/// A run of top-level statements of about a size that is drawn too.
pub fn part(all: &[Piece], random: &mut Random) -> Vec<Piece> {
    let starts = statement_starts(all);
    let size = 100 + random.below(3000);
    let first = random.below(starts.len().max(1));
    let from = starts.get(first).copied().unwrap_or(0);
    let mut to = all.len();
    let mut bytes = 0;
    let mut at = from;
    for next in starts.iter().skip(first + 1).copied().chain([all.len()]) {
        bytes += all.get(at..next).unwrap_or_default().iter().map(|piece| piece.bytes.len()).sum::<usize>();
        at = next;
        if bytes >= size {
            to = next;
            break;
        }
    }
    all.get(from..to).unwrap_or_default().to_vec()
}

/// Indexes of the pieces that begin a line at column 0 outside of brackets, but for the clauses of a statement above.
fn statement_starts(all: &[Piece]) -> Vec<usize> {
    const CLAUSES: [&[u8]; 4] = [b"else", b"elif", b"except", b"finally"];
    let mut starts = vec![0];
    let mut depth = 0_i32;
    let mut was_decorator = false;
    for (at, pair) in all.windows(2).enumerate() {
        let [before, piece] = pair else { continue };
        match piece.bytes.as_slice() {
            b"(" | b"[" | b"{" => depth += 1,
            b")" | b"]" | b"}" => depth -= 1,
            _ => {}
        }
        let begins = depth == 0 && before.kind == Kind::Newline;
        let is_decorator = piece.bytes == b"@";
        if begins && (piece.kind == Kind::Name || is_decorator) {
            if !was_decorator && !CLAUSES.contains(&piece.bytes.as_slice()) {
                starts.push(at + 1);
            }
            was_decorator = is_decorator;
        }
    }
    starts
}

/// The pieces put together again.
pub fn join(pieces: &[Piece]) -> Vec<u8> {
    pieces.iter().flat_map(|piece| piece.bytes.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_in_one_piece() {
        let source = b"@x\nclass A(b\"c\"):\n    s = '''a\n'b''' # c\n\ty = 1_0.5e3 \\\n ** rf'{x!r}'\n'open\n\xff$\r\n";
        let all = pieces(source);
        assert_eq!(join(&all), source);
        let solid: Vec<_> = all.iter().filter(|piece| piece.is_solid()).map(|p| String::from_utf8_lossy(&p.bytes)).collect();
        let expected = "@ x class A ( b\"c\" ) : s = '''a\n'b''' y = 1_0.5e3 ** rf'{x!r}' 'open \u{fffd} $";
        assert_eq!(solid.join(" "), expected);
    }

    #[test]
    fn a_part_begins_and_ends_between_statements() {
        let all = pieces(b"x = (\n1)\nif x:\n  y\nelse:\n  z\n@a\n@b\ndef f(): pass\nz\n");
        let starts: Vec<_> = statement_starts(&all).into_iter().map(|at| all[at].bytes.clone()).collect();
        assert_eq!(starts, [&b"x"[..], b"if", b"@", b"z"]);
    }
}
