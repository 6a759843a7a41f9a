//! Errors of the compiler stages, boxed so that `Result` stays one word on the hot path.

use krait_syntax::ast::Range;
use krait_syntax::error::{Details, ErrorKind, SyntaxError};
use krait_unicode::TextBuf;

/// How deeply statements, expressions and patterns may nest. CPython stops where its C stack ends, which on the usual
/// 8 MiB is at about this depth.
pub(crate) const MAX_DEPTH: u32 = 37_000;

/// The native stack is looked at every so many levels, which must fit the red zone.
const LEVELS_PER_CHECK: u32 = 8;
const RED_ZONE: usize = 256 * 1024;
const STACK_PER_GROWTH: usize = 4 * 1024 * 1024;

/// A boxed [`SyntaxError`].
#[derive(Debug)]
pub(crate) struct Error(Box<SyntaxError>);

pub(crate) type Res<T = ()> = Result<T, Error>;

impl Error {
    /// A `SyntaxError` at `range`, whose columns are byte offsets counted from 0.
    pub(crate) fn syntax(range: Range, message: impl Into<TextBuf>) -> Error {
        Error(Box::new(SyntaxError {
            kind: ErrorKind::SyntaxError,
            message: message.into(),
            lineno: range.lineno,
            offset: range.col_offset + 1,
            end_lineno: range.end_lineno,
            end_offset: range.end_col_offset + 1,
            text: None,
            details: Details::Full,
            parser: None,
            warnings: Vec::new(),
        }))
    }

    /// An error of another class, without a place.
    pub(crate) fn other(kind: ErrorKind, message: impl Into<TextBuf>) -> Error {
        Error(Box::new(SyntaxError::new(kind, message)))
    }

    /// A tree or table that no parser makes.
    pub(crate) fn system(message: impl Into<TextBuf>) -> Error {
        Error::other(ErrorKind::SystemError, message)
    }

    pub(crate) fn into_syntax_error(self) -> SyntaxError {
        *self.0
    }
}

impl From<Box<SyntaxError>> for Error {
    fn from(error: Box<SyntaxError>) -> Error {
        Error(error)
    }
}

/// Counts `depth` up around `f` and gives it enough native stack.
pub(crate) fn recurse<S: HasDepth, T>(state: &mut S, f: impl FnOnce(&mut S) -> Res<T>) -> Res<T> {
    if *state.depth() >= MAX_DEPTH {
        return Err(Error::other(ErrorKind::RecursionError, "maximum recursion depth exceeded during compilation"));
    }
    let depth = *state.depth();
    *state.depth() = depth + 1;
    let result =
        if depth.is_multiple_of(LEVELS_PER_CHECK) { stacker::maybe_grow(RED_ZONE, STACK_PER_GROWTH, || f(state)) } else { f(state) };
    *state.depth() = depth;
    result
}

/// A tree walker that counts its nesting.
pub(crate) trait HasDepth {
    fn depth(&mut self) -> &mut u32;
}
