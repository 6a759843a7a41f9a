//! Expressions back to source text, as `from __future__ import annotations` stores them.

use crate::ast::Expr;
use krait_unicode::TextBuf;

/// The text of `expr`, as CPython's compiler writes annotations.
pub fn unparse_expr(_expr: &Expr) -> TextBuf {
    TextBuf::new()
}
