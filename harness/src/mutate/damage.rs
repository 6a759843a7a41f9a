//! The ways to damage a source, each drawn with the same chance.

use super::pieces::{Kind, Piece, join};
use super::random::Random;

const KEYWORDS: [&str; 41] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
    "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or",
    "pass", "raise", "return", "try", "while", "with", "yield", "match", "case", "type", "_", "print", "exec",
];

const OPERATORS: [&str; 62] = [
    "+", "-", "*", "/", "//", "%", "@", "**", "<<", ">>", "&", "|", "^", "~", ":=", "<", ">", "<=", ">=", "==", "!=", "(",
    ")", "[", "]", "{", "}", ",", ":", ".", ";", "=", "->", "+=", "-=", "*=", "/=", "//=", "%=", "@=", "&=", "|=", "^=",
    ">>=", "<<=", "**=", "...", "!", "$", "?", "`", "\\", "<>", "++", "--", "&&", "||", "===", "..", "!==", "=>", "::",
];

/// Lines that are errors, or may be, where they come to stand.
const STATEMENTS: [&str; 44] = [
    "return", "yield 1", "await x", "break", "continue", "nonlocal a", "global a", "from __future__ import nope",
    "from __future__ import annotations", "from x import *", "import a.b as c.d", "del f()", "x: int =", "(x): int = 1",
    "x, y: int", "f() = 1", "1 += 2", "async with a: pass", "async for a in b: pass", "else: pass", "except: pass",
    "def f(a, a): pass", "def f(a=1, b): pass", "def f(*): pass", "f(a=1, a=2)", "f(a=1, 2)", "f(**a, *b)", "f(x for x in y, 1)",
    "[x := 1 for x in y]", "lambda (a): a", "print 1", "exec 'a'", "class C[T, T]: pass", "type X = yield", "try: pass",
    "match x:", "case y: pass", "with a as f(): pass", "for f() in a: pass", "import a,", "from a import (b", "assert (a, 1)",
    "x is 1", "a = 'a' f'{b'",
];

const ODD_BYTES: [&[u8]; 24] = [
    b"$", b"?", b"!", b"\\", b"`", b"'", b"\"", b"'''", b"\"\"\"", b"\x00", b"\x0c", b"\t", b"\r", b"\n", b"\xc3\xa9", b"\xe2\x82\xac",
    b"\xc2\xa0", b"\xff", b"\xe2\x80\x9c", b"\xf0\x9f\x90\x8d", b"{", b"}", b"0", b"_",
];

const NUMBERS: [&str; 30] = [
    "0777", "0b12", "0o8", "0xg", "1_", "1__0", "1e", "1e+", "1.e5j", "0b", "0x", "0_7", "1a", "1if", "0x1for", "1.2.3", "1jx",
    "00", "00.5", "0B_1", "0o_17", "1_000j", "9e999", "0b1_", "0xdeadbeefL", "1l", "1and 2", "0in x", "1_a", "012a",
];

const STRINGS: [&str; 40] = [
    "'", "\"", "'''", "f'", "f'{", "f'{}'", "f'{a'", "f'{a!}'", "f'{a!x}'", "f'{a!r:{b}}'", "f'{a:{'", "f'}'", "f'{a b}'", "f'{*a}'",
    "f'{=}'", "f'{a=!s:>{w}}'", "f'{lambda x: 1}'", "f'{a:{b:{c}}}'", "f'{\\'a\\'}'", "f'''{\na\n}'''", "f'{a:\n}'", "t'{a}'", "t'{}'", "b'\u{e9}'", "'\\d'",
    "'\\400'", "b'\\400'", "'\\N{x}'", "'\\x1'", "'\\u12'", "'\\U99999999'", "rb'\\d'", "ub'a'", "f'{a}' b'b'", "b'a' 'b'", "t'a' 'b'",
    "'a' t'b'", "f'{yield}'", "f'{a:=5}'", "f'{(a:=5)}'",
];

/// Names of the ways, in the order of `apply`.
pub const WAYS: [&str; 24] = [
    "delete", "duplicate", "swap", "replace", "insert", "keyword", "operator", "statement", "odd byte", "number", "string",
    "bracket", "indentation", "join lines", "break line", "truncate", "cut token", "delete byte", "misspell", "delete line", "swap lines",
    "move block", "quote", "keyword for keyword",
];

/// Damages the part once; what it did, by its place in `WAYS`.
pub fn apply(part: &mut Vec<Piece>, file: &[Piece], random: &mut Random) -> usize {
    let way = random.below(WAYS.len());
    let at = solid(part, random);
    match way {
        0 => drop(remove(part, at)),
        1 => insert(part, at, part.get(at).cloned()),
        2 => swap(part, at),
        3 => replace(part, at, other(file, random)),
        4 => insert(part, at, other(file, random)),
        5 => insert_words(part, at, random.pick(&KEYWORDS).copied(), Kind::Name),
        6 => insert_words(part, at, random.pick(&OPERATORS).copied(), Kind::Operator),
        7 => insert_line(part, random),
        8 => insert(part, at, random.pick(&ODD_BYTES).map(|bytes| Piece::new(Kind::Other, bytes))),
        9 => put(part, at, random.pick(&NUMBERS).copied(), Kind::Number, random),
        10 => put(part, at, random.pick(&STRINGS).copied(), Kind::String, random),
        11 => unbalance(part, random),
        12 => indent(part, random),
        13 => drop(of_kind(part, Kind::Newline, random).and_then(|at| remove(part, at))),
        14 => insert(part, at, Some(Piece::new(Kind::Newline, b"\n"))),
        15 => part.truncate(at),
        16 => cut(part, at, random),
        17 => delete_byte(part, at, random),
        18 => misspell(part, random),
        19 => delete_line(part, random),
        20 => swap_lines(part, random),
        21 => move_block(part, random),
        22 => unquote(part, random),
        _ => keyword_for_keyword(part, random),
    }
    way
}

/// The part as a source.
pub fn source(part: &[Piece]) -> Vec<u8> {
    join(part)
}

fn solid(part: &[Piece], random: &mut Random) -> usize {
    let solid: Vec<usize> = part.iter().enumerate().filter(|(_, piece)| piece.is_solid()).map(|(at, _)| at).collect();
    random.pick(&solid).copied().unwrap_or(0)
}

fn of_kind(part: &[Piece], kind: Kind, random: &mut Random) -> Option<usize> {
    let all: Vec<usize> = part.iter().enumerate().filter(|(_, piece)| piece.kind == kind).map(|(at, _)| at).collect();
    random.pick(&all).copied()
}

fn other(file: &[Piece], random: &mut Random) -> Option<Piece> {
    file.get(solid(file, random)).cloned()
}

fn remove(part: &mut Vec<Piece>, at: usize) -> Option<Piece> {
    (at < part.len()).then(|| part.remove(at))
}

/// Puts a piece before `at`, with blanks where two words would become one.
fn insert(part: &mut Vec<Piece>, at: usize, piece: Option<Piece>) {
    let Some(piece) = piece else { return };
    let at = at.min(part.len());
    let is_word = |piece: &Piece| matches!(piece.kind, Kind::Name | Kind::Number | Kind::String);
    let is_behind_word = at > 0 && part.get(at - 1).is_some_and(is_word);
    let blank = |needed: bool| needed.then(|| Piece::new(Kind::Space, b" "));
    let new = [blank(is_word(&piece) && is_behind_word), Some(piece.clone()), blank(is_word(&piece) && part.get(at).is_some_and(is_word))];
    part.splice(at..at, new.into_iter().flatten());
}

fn insert_words(part: &mut Vec<Piece>, at: usize, word: Option<&str>, kind: Kind) {
    insert(part, at, word.map(|word| Piece::new(kind, word.as_bytes())));
}

fn replace(part: &mut [Piece], at: usize, piece: Option<Piece>) {
    if let (Some(place), Some(piece)) = (part.get_mut(at), piece) {
        *place = piece;
    }
}

/// Instead of a piece of the same kind, or before another one.
fn put(part: &mut Vec<Piece>, at: usize, word: Option<&str>, kind: Kind, random: &mut Random) {
    match of_kind(part, kind, random).filter(|_| random.below(3) > 0) {
        Some(place) => replace(part, place, word.map(|word| Piece::new(kind, word.as_bytes()))),
        None => insert_words(part, at, word, kind),
    }
}

fn swap(part: &mut [Piece], at: usize) {
    let next = part.iter().enumerate().skip(at + 1).find(|(_, piece)| piece.is_solid()).map(|(next, _)| next);
    if let Some(next) = next {
        part.swap(at, next);
    }
}

/// Index of the first piece of each line.
fn line_starts(part: &[Piece]) -> Vec<usize> {
    let behind = part.iter().enumerate().filter(|(_, piece)| piece.kind == Kind::Newline).map(|(at, _)| at + 1);
    std::iter::once(0).chain(behind).filter(|at| *at < part.len()).collect()
}

fn line_end(part: &[Piece], start: usize) -> usize {
    part.iter().enumerate().skip(start).find(|(_, piece)| piece.kind == Kind::Newline).map_or(part.len(), |(at, _)| at + 1)
}

fn insert_line(part: &mut Vec<Piece>, random: &mut Random) {
    let Some(&start) = random.pick(&line_starts(part)) else { return };
    let Some(statement) = random.pick(&STATEMENTS) else { return };
    let indent = part.get(start).filter(|piece| piece.kind == Kind::Space).cloned();
    let line = [indent, Some(Piece::new(Kind::Other, statement.as_bytes())), Some(Piece::new(Kind::Newline, b"\n"))];
    part.splice(start..start, line.into_iter().flatten());
}

/// Takes away a bracket, or makes another one of it.
fn unbalance(part: &mut Vec<Piece>, random: &mut Random) {
    const BRACKETS: [&[u8]; 6] = [b"(", b")", b"[", b"]", b"{", b"}"];
    let is_bracket = |piece: &Piece| BRACKETS.contains(&piece.bytes.as_slice());
    let all: Vec<usize> = part.iter().enumerate().filter(|(_, piece)| is_bracket(piece)).map(|(at, _)| at).collect();
    let Some(&at) = random.pick(&all) else { return };
    if random.below(2) == 0 {
        drop(remove(part, at));
    } else {
        replace(part, at, random.pick(&BRACKETS).map(|bytes| Piece::new(Kind::Operator, bytes)));
    }
}

fn indent(part: &mut Vec<Piece>, random: &mut Random) {
    let Some(&start) = random.pick(&line_starts(part)) else { return };
    let is_indented = part.get(start).is_some_and(|piece| piece.kind == Kind::Space);
    match (random.below(4), is_indented) {
        (0, true) => drop(remove(part, start)),
        (1, true) => replace(part, start, Some(Piece::new(Kind::Space, b"\t"))),
        (2, true) => {
            if let Some(piece) = part.get_mut(start) {
                piece.bytes.pop();
            }
        }
        (choice, _) => {
            let blanks: &[u8] = if choice == 3 { b"\t" } else { b"  " };
            part.insert(start, Piece::new(Kind::Space, blanks));
        }
    }
}

/// The source ends within a token.
fn cut(part: &mut Vec<Piece>, at: usize, random: &mut Random) {
    part.truncate(at + 1);
    if let Some(piece) = part.last_mut() {
        let len = random.below(piece.bytes.len()).max(1);
        piece.bytes.truncate(len);
    }
}

fn delete_byte(part: &mut [Piece], at: usize, random: &mut Random) {
    if let Some(piece) = part.get_mut(at) {
        let byte = random.below(piece.bytes.len());
        if byte < piece.bytes.len() {
            piece.bytes.remove(byte);
        }
    }
}

fn is_keyword(piece: &Piece) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.as_bytes() == piece.bytes)
}

fn keyword_at(part: &[Piece], random: &mut Random) -> Option<usize> {
    let all: Vec<usize> = part.iter().enumerate().filter(|(_, piece)| is_keyword(piece)).map(|(at, _)| at).collect();
    random.pick(&all).copied()
}

/// Two letters of a keyword change places, or one is lost.
fn misspell(part: &mut [Piece], random: &mut Random) {
    let Some(piece) = keyword_at(part, random).and_then(|at| part.get_mut(at)) else { return };
    let at = random.below(piece.bytes.len().saturating_sub(1));
    if random.below(2) == 0 && at + 1 < piece.bytes.len() {
        piece.bytes.swap(at, at + 1);
    } else {
        piece.bytes.remove(at);
    }
}

fn keyword_for_keyword(part: &mut [Piece], random: &mut Random) {
    if let Some(at) = keyword_at(part, random) {
        replace(part, at, random.pick(&KEYWORDS).map(|word| Piece::new(Kind::Name, word.as_bytes())));
    }
}

fn delete_line(part: &mut Vec<Piece>, random: &mut Random) {
    let Some(&start) = random.pick(&line_starts(part)) else { return };
    part.drain(start..line_end(part, start));
}

fn swap_lines(part: &mut [Piece], random: &mut Random) {
    let Some(&start) = random.pick(&line_starts(part)) else { return };
    let middle = line_end(part, start);
    let end = line_end(part, middle);
    if let Some(lines) = part.get_mut(start..end) {
        lines.rotate_left(middle - start);
    }
}

/// Some lines move to the right or to the left.
fn move_block(part: &mut Vec<Piece>, random: &mut Random) {
    let starts = line_starts(part);
    let first = random.below(starts.len());
    let count = 1 + random.below(5);
    let to_right = random.below(2) == 0;
    for start in starts.into_iter().skip(first).take(count).collect::<Vec<_>>().into_iter().rev() {
        if to_right {
            part.insert(start, Piece::new(Kind::Space, b"    "));
        } else if let Some(piece) = part.get_mut(start).filter(|piece| piece.kind == Kind::Space) {
            let rest = piece.bytes.len().saturating_sub(4);
            piece.bytes.truncate(rest);
        }
    }
}

/// A string loses its last byte or its first, or is damaged inside.
fn unquote(part: &mut [Piece], random: &mut Random) {
    const INSIDE: [&[u8]; 14] =
        [b"{", b"}", b"!", b":", b"=", b"\\", b"\n", b"'", b"\"", b"\\N", b"\\x", b"{{", b"{a b}", b"\\q"];
    let Some(piece) = of_kind(part, Kind::String, random).and_then(|at| part.get_mut(at)) else { return };
    match random.below(5) {
        0 => drop(piece.bytes.pop()),
        1 => drop(piece.bytes.remove(0)),
        2 => piece.bytes.insert(0, *random.pick(b"fbrtux").unwrap_or(&b'f')),
        _ => {
            let at = random.below(piece.bytes.len() + 1);
            piece.bytes.splice(at..at, random.pick(&INSIDE).copied().unwrap_or_default().iter().copied());
        }
    }
}
