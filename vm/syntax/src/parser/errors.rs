//! How syntax errors are raised: positions, error lines, and which of several errors wins (CPython's `pegen_errors.c`).

use super::{E, Parser, Stop, Tk};
use crate::ast::*;
use crate::error::char_offset;
use crate::error::{Details, ErrorKind, SyntaxError};
use crate::token::TokenKind;
use crate::tokenizer::Done;

/// Anything that has a place in the source.
pub(super) trait Located {
    fn range(&self) -> Range;
}

macro_rules! located {
    ($($t:ty),*) => {$(
        impl Located for $t {
            fn range(&self) -> Range { self.range }
        }
    )*};
}

located!(Tk, Expr<'_>, Stmt<'_>, Pattern<'_>, Arg<'_>);

impl Located for Range {
    fn range(&self) -> Range {
        *self
    }
}

impl<T: Located> Located for &T {
    fn range(&self) -> Range {
        (**self).range()
    }
}

/// Which statement a target belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Targets {
    Star,
    Del,
    For,
}

impl<'a> Parser<'a> {
    /// Raises at the last token read.
    pub(super) fn raise_syntax_error(&mut self, message: impl Into<String>) -> Stop {
        self.raise_last_token(ErrorKind::SyntaxError, message.into())
    }

    pub(super) fn raise_indentation_error(&mut self, message: impl Into<String>) -> Stop {
        self.raise_last_token(ErrorKind::IndentationError, message.into())
    }

    pub(super) fn raise_last_token(&mut self, kind: ErrorKind, message: String) -> Stop {
        self.raise_at_token(kind, self.tokens.len().saturating_sub(1), message)
    }

    /// Raises at the token at the mark.
    pub(super) fn raise_on_next_token(&mut self, message: impl Into<String>) -> Stop {
        if self.error.is_some() {
            return Stop::Raised;
        }
        if self.mark == self.tokens.len() && self.fill_token().is_err() {
            return Stop::Raised;
        }
        self.raise_at_token(ErrorKind::SyntaxError, self.mark, message.into())
    }

    fn raise_at_token(&mut self, kind: ErrorKind, index: usize, message: String) -> Stop {
        if self.error.is_some() {
            return Stop::Raised;
        }
        let Some(token) = self.tokens.get(index) else {
            return self.raise_known(kind, Range { lineno: 0, col_offset: 0, end_lineno: 0, end_col_offset: -1 }, message);
        };
        let (token_kind, range) = (token.kind, token.range);
        if token_kind == TokenKind::ErrorToken && self.tok.done == Done::Eof && kind != ErrorKind::IncompleteInput {
            return self.raise_end_of_file();
        }
        let col = if range.col_offset == -1 {
            if self.tok.cur == self.tok.buf { 0 } else { self.tok.col_offset() }
        } else {
            range.col_offset + 1
        };
        let end_col = if range.end_col_offset == -1 { -1 } else { range.end_col_offset + 1 };
        self.raise_known(kind, Range { col_offset: col, end_col_offset: end_col, ..range }, message)
    }

    /// Raises over the range of `at`.
    pub(super) fn raise_at(&mut self, at: impl Located, message: impl Into<String>) -> Stop {
        self.raise_range(at.range(), at.range(), message)
    }

    /// Raises from the start of `a` to the end of `b`.
    pub(super) fn raise_range(&mut self, a: impl Located, b: impl Located, message: impl Into<String>) -> Stop {
        let (a, b) = (a.range(), b.range());
        let range = Range {
            lineno: a.lineno,
            col_offset: a.col_offset + 1,
            end_lineno: b.end_lineno,
            end_col_offset: b.end_col_offset + 1,
        };
        self.raise_known(ErrorKind::SyntaxError, range, message.into())
    }

    /// Raises from the start of `a` to where the tokenizer is.
    pub(super) fn raise_starting_from(&mut self, a: impl Located, message: impl Into<String>) -> Stop {
        let a = a.range();
        let range = Range {
            lineno: a.lineno,
            col_offset: a.col_offset + 1,
            end_lineno: self.tok.lineno,
            end_col_offset: self.tok.col_offset(),
        };
        self.raise_known(ErrorKind::SyntaxError, range, message.into())
    }

    /// Raises at a range whose columns are bytes counted from 1.
    pub(super) fn raise_known(&mut self, kind: ErrorKind, range: Range, message: String) -> Stop {
        if self.error.is_none() {
            let line = self.error_line(range.lineno);
            let chars = |col: i32| if col > 0 { char_offset(line, col as usize) } else { col };
            self.error_columns = Some((range.col_offset, range.end_col_offset));
            self.error = Some(SyntaxError {
                kind,
                message: message.into(),
                lineno: range.lineno,
                offset: chars(range.col_offset),
                end_lineno: range.end_lineno,
                end_offset: chars(range.end_col_offset),
                text: Some(line.into()),
                details: Details::Full,
                parser: None,
                warnings: Vec::new(),
            });
        }
        Stop::Raised
    }

    /// The line an error shows: the tokenizer's, newline and all, when the error is there; otherwise the bare line.
    fn error_line(&self, lineno: i32) -> &'a str {
        let tok = &self.tok;
        if tok.lineno <= lineno && tok.inp > tok.buf && !tok.interactive {
            return self.src.get(tok.line_start..tok.inp).unwrap_or("");
        }
        let nth = usize::try_from(lineno - 1).unwrap_or(0);
        self.src.split('\n').nth(nth).unwrap_or("")
    }

    /// Byte columns of a line, from 0, as the 1-based character offsets of an error.
    pub(super) fn char_offsets(&self, lineno: i32, col: i32, end_col: i32) -> (i32, i32) {
        let line = self.error_line(lineno);
        (char_offset(line, col.max(0) as usize), char_offset(line, end_col.max(0) as usize))
    }

    pub(super) fn stack_overflow(&mut self) -> Stop {
        if self.error.is_none() {
            self.error = Some(SyntaxError {
                kind: ErrorKind::MemoryError,
                message: "Parser stack overflowed - Python source too complex to parse".into(),
                lineno: 0,
                offset: 0,
                end_lineno: 0,
                end_offset: 0,
                text: None,
                details: Details::Full,
                parser: None,
                warnings: Vec::new(),
            });
        }
        Stop::Raised
    }

    fn raise_unclosed_parentheses(&mut self) -> Stop {
        match self.tok.open_paren() {
            None => Stop::Raised,
            Some((opening, lineno, col)) => {
                let range = Range { lineno, col_offset: col + 1, end_lineno: lineno, end_col_offset: 0 };
                self.raise_known(ErrorKind::SyntaxError, range, format!("'{opening}' was never closed"))
            }
        }
    }

    fn raise_end_of_file(&mut self) -> Stop {
        if self.tok.level() > 0 {
            return self.raise_unclosed_parentheses();
        }
        let lineno = self.tok.lineno;
        let col = if self.tok.cur == self.tok.buf { 0 } else { self.tok.col_offset() };
        let range = Range { lineno, col_offset: col, end_lineno: lineno, end_col_offset: -1 };
        self.raise_known(ErrorKind::SyntaxError, range, "unexpected EOF while parsing".to_owned())
    }

    /// The tokenizer has returned an error token, which is the last one.
    pub(super) fn tokenizer_error(&mut self) -> Stop {
        if self.error.is_none() {
            self.error = self.tok.error.take();
            self.error_columns = None;
            self.error_from_tokenizer = self.error.is_some();
        }
        if self.error.is_some() || self.tok.done == Done::Source {
            return Stop::Raised;
        }
        let (kind, col, message) = match self.tok.done {
            Done::Eof => return self.raise_end_of_file(),
            Done::Dedent => {
                return self.raise_indentation_error("unindent does not match any outer indentation level");
            }
            Done::TabSpace => (ErrorKind::TabError, 0, "inconsistent use of tabs and spaces in indentation"),
            Done::TooDeep => (ErrorKind::IndentationError, 0, "too many levels of indentation"),
            Done::LineCont => {
                let col = self.tok.cur as i64 - self.tok.buf as i64 - 1;
                (ErrorKind::SyntaxError, col.max(0) as i32, "unexpected character after line continuation character")
            }
            _ => (ErrorKind::SyntaxError, 0, "unknown parsing error"),
        };
        let lineno = self.tok.lineno;
        let range = Range { lineno, col_offset: col + 1, end_lineno: lineno, end_col_offset: 0 };
        self.raise_known(kind, range, message.to_owned())
    }

    /// Settles what the error is after both passes; `last_token` is the last one the first pass read.
    pub(super) fn set_syntax_error(&mut self, last_token: usize) {
        if self.tok.done == Done::Source {
            return;
        }
        if let Some(error) = &self.error {
            // Errors of the tokenizer win over those of the grammar.
            let syntax = matches!(error.kind, ErrorKind::SyntaxError | ErrorKind::IndentationError | ErrorKind::TabError);
            if self.tok.done == Done::Ok && syntax {
                self.tokenize_rest();
            }
            return;
        }
        let Some(token) = self.tokens.get(last_token).copied() else {
            self.raise_syntax_error("error at start before reading any input");
            return;
        };
        match token.kind {
            TokenKind::ErrorToken if self.tok.done == Done::Eof => {
                self.raise_end_of_file();
            }
            TokenKind::Indent => {
                self.raise_indentation_error("unexpected indent");
            }
            TokenKind::Dedent => {
                self.raise_indentation_error("unexpected unindent");
            }
            _ => {
                self.raise_at(token.range, "invalid syntax");
                self.tokenize_rest();
            }
        }
    }

    /// Looks for an error of the tokenizer in the rest of the source; it replaces the one at hand, unless an f-string
    /// is open.
    fn tokenize_rest(&mut self) {
        // More lines are not asked for.
        if self.tok.interactive {
            return;
        }
        let current_line = self.tokens.last().map_or(0, |t| t.range.lineno);
        let (saved, columns) = (self.error.take(), self.error_columns.take());
        loop {
            match self.tok.get().kind {
                TokenKind::ErrorToken => {
                    self.error = self.tok.error.take();
                    self.error_from_tokenizer = self.error.is_some();
                    if self.error.is_none()
                        && let Some((_, lineno, _)) = self.tok.open_paren()
                        && current_line > lineno
                    {
                        self.raise_unclosed_parentheses();
                    }
                    break;
                }
                TokenKind::EndMarker => break,
                _ => {}
            }
        }
        if self.error.is_none() || self.tok.inside_fstring() {
            self.error = saved;
            self.error_columns = columns;
            self.error_from_tokenizer = false;
        }
    }

    pub(super) fn take_error(&mut self) -> SyntaxError {
        self.error.take().unwrap_or(SyntaxError {
            kind: ErrorKind::SystemError,
            message: "the parser failed without an error".into(),
            lineno: 0,
            offset: 0,
            end_lineno: 0,
            end_offset: 0,
            text: None,
            details: Details::Full,
            parser: None,
            warnings: Vec::new(),
        })
    }

    /// Raises if there is something in `e` that cannot be a target.
    pub(super) fn raise_invalid_target(&mut self, targets: Targets, e: E<'a>) -> Stop {
        let Some(bad) = invalid_target(e, targets) else { return Stop::NoMatch };
        let verb = if targets == Targets::Del { "delete" } else { "assign to" };
        self.raise_at(bad, format!("cannot {verb} {}", expr_name(bad)))
    }
}

/// The first part of `e` that cannot be a target.
pub(super) fn invalid_target<'a>(e: E<'a>, targets: Targets) -> Option<E<'a>> {
    match e.kind {
        ExprKind::List { elts, .. } | ExprKind::Tuple { elts, .. } => {
            elts.iter().find_map(|elt| invalid_target(elt, targets))
        }
        ExprKind::Starred { .. } if targets == Targets::Del => Some(e),
        ExprKind::Starred { value, .. } => invalid_target(value, targets),
        // `for a in b` was read as a comparison.
        ExprKind::Compare { left, ops, .. } if targets == Targets::For => {
            if ops.first() == Some(&CmpOp::In) { invalid_target(left, targets) } else { None }
        }
        ExprKind::Name { .. } | ExprKind::Subscript { .. } | ExprKind::Attribute { .. } => None,
        _ => Some(e),
    }
}

/// What messages call an expression.
pub(super) fn expr_name(e: E) -> &'static str {
    match e.kind {
        ExprKind::Attribute { .. } => "attribute",
        ExprKind::Subscript { .. } => "subscript",
        ExprKind::Starred { .. } => "starred",
        ExprKind::Name { .. } => "name",
        ExprKind::List { .. } => "list",
        ExprKind::Tuple { .. } => "tuple",
        ExprKind::Lambda { .. } => "lambda",
        ExprKind::Call { .. } => "function call",
        ExprKind::BoolOp { .. } | ExprKind::BinOp { .. } | ExprKind::UnaryOp { .. } => "expression",
        ExprKind::GeneratorExp { .. } => "generator expression",
        ExprKind::Yield { .. } | ExprKind::YieldFrom { .. } => "yield expression",
        ExprKind::Await { .. } => "await expression",
        ExprKind::ListComp { .. } => "list comprehension",
        ExprKind::SetComp { .. } => "set comprehension",
        ExprKind::DictComp { .. } => "dict comprehension",
        ExprKind::Dict { .. } => "dict literal",
        ExprKind::Set { .. } => "set display",
        ExprKind::JoinedStr { .. } | ExprKind::FormattedValue { .. } => "f-string expression",
        ExprKind::TemplateStr { .. } | ExprKind::Interpolation { .. } => "t-string expression",
        ExprKind::Constant { value: Constant::None, .. } => "None",
        ExprKind::Constant { value: Constant::True, .. } => "True",
        ExprKind::Constant { value: Constant::False, .. } => "False",
        ExprKind::Constant { value: Constant::Ellipsis, .. } => "ellipsis",
        ExprKind::Constant { .. } => "literal",
        ExprKind::Compare { .. } => "comparison",
        ExprKind::IfExp { .. } => "conditional expression",
        ExprKind::NamedExpr { .. } => "named expression",
        ExprKind::Slice { .. } => "slice",
    }
}
