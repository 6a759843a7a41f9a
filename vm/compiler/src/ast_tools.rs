//! Questions that several stages ask of a tree.

use krait_syntax::ast::{Constant, Expr, ExprKind, Range, Stmt, StmtKind};
use krait_unicode::Text;

use crate::instruction_sequence::Location;

/// The docstring of a body: its first statement, when that is a string literal.
pub(crate) fn docstring<'a>(body: &[Stmt<'a>]) -> Option<&'a Text> {
    match body.first()?.kind {
        StmtKind::Expr { value: Expr { kind: ExprKind::Constant { value: Constant::Str(s), .. }, .. } } => Some(s),
        _ => None,
    }
}

/// Range of a node as the location of an instruction.
pub(crate) const fn loc(range: Range) -> Location {
    Location::new(range.lineno, range.end_lineno, range.col_offset, range.end_col_offset)
}

/// `inspect.cleandoc`, except that blank lines at both ends stay, so that line numbers hold.
pub fn clean_doc(doc: &Text) -> Vec<u8> {
    let expanded = expand_tabs(doc.as_bytes());
    let mut lines = expanded.split_inclusive(|b| *b == b'\n');
    let first = lines.next().unwrap_or_default();
    let indent = |line: &[u8]| line.iter().take_while(|b| **b == b' ').count();
    let margin = lines
        .clone()
        .filter(|line| line.get(indent(line)).is_some_and(|b| *b != b'\n'))
        .map(indent)
        .min()
        .unwrap_or(0);
    let mut clean = first[indent(first)..].to_vec();
    for line in lines {
        clean.extend_from_slice(&line[indent(line).min(margin)..]);
    }
    clean
}

/// `str.expandtabs()`: columns count characters.
fn expand_tabs(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut column = 0;
    for &byte in text {
        match byte {
            b'\t' => {
                let width = 8 - column % 8;
                out.resize(out.len() + width, b' ');
                column += width;
            }
            b'\n' | b'\r' => {
                out.push(byte);
                column = 0;
            }
            _ => {
                out.push(byte);
                column += usize::from(byte & 0xc0 != 0x80);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docstrings_lose_their_margin() {
        let check = |doc: &str, expected: &str| assert_eq!(clean_doc(Text::new(doc)), expected.as_bytes());
        check("  one", "one");
        check("one\n    two\n      three\n    ", "one\ntwo\n  three\n");
        check("one\n\n  two\n", "one\n\ntwo\n");
        check("one\n\ttwo\n        three", "one\ntwo\nthree");
        check("é\tx", "é       x");
        check("", "");
    }
}
