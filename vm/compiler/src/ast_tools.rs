//! Questions that several stages ask of a tree.

use std::borrow::Cow;

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
pub fn clean_doc(doc: &Text) -> Cow<'_, [u8]> {
    let expanded = match doc.as_bytes() {
        text if text.contains(&b'\t') => Cow::Owned(expand_tabs(text)),
        text => Cow::Borrowed(text),
    };
    let mut margin = usize::MAX;
    for_each_line_behind_first(&expanded, |line| {
        let indent = indent(line);
        if line.get(indent).is_some_and(|b| *b != b'\n') {
            margin = margin.min(indent);
        }
    });
    if margin == usize::MAX {
        margin = 0;
    }
    let indented = indent(&expanded);
    if margin == 0 && indented == 0 {
        return expanded;
    }
    let first = expanded.iter().position(|b| *b == b'\n').map_or(expanded.len(), |newline| newline + 1);
    let mut clean = Vec::with_capacity(expanded.len());
    clean.extend_from_slice(&expanded[indented..first]);
    for_each_line_behind_first(&expanded, |line| {
        let blank = line.iter().take(margin).take_while(|b| **b == b' ').count();
        clean.extend_from_slice(&line[blank..]);
    });
    Cow::Owned(clean)
}

fn indent(line: &[u8]) -> usize {
    line.iter().take_while(|b| **b == b' ').count()
}

/// Lines with their newlines.
fn for_each_line_behind_first<'t>(text: &'t [u8], mut f: impl FnMut(&'t [u8])) {
    let mut starts = memchr::memchr_iter(b'\n', text).map(|newline| newline + 1).peekable();
    while let Some(start) = starts.next() {
        let end = starts.peek().copied().unwrap_or(text.len());
        if start < end {
            f(&text[start..end]);
        }
    }
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
        let check = |doc: &str, expected: &str| assert_eq!(&*clean_doc(Text::new(doc)), expected.as_bytes());
        check("  one", "one");
        check("one\n    two\n      three\n    ", "one\ntwo\n  three\n");
        check("one\n\n  two\n", "one\n\ntwo\n");
        check("one\n\ttwo\n        three", "one\ntwo\nthree");
        check("é\tx", "é       x");
        check("", "");
    }
}
