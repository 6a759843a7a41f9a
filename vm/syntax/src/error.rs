//! What the front end reports: syntax errors and syntax warnings, as typed data for the runtime to raise.

use krait_unicode::TextBuf;

/// Which exception class a [`SyntaxError`] becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    SyntaxError,
    IndentationError,
    TabError,
    /// `_IncompleteInputError`: the source could become valid with more lines (`PyCF_ALLOW_INCOMPLETE_INPUT`).
    IncompleteInput,
    MemoryError,
    RecursionError,
    OverflowError,
    ValueError,
    TypeError,
    SystemError,
    UnicodeDecodeError,
}

/// A `SyntaxError` as Python sees it. Offsets are 1-based and count characters (not bytes); 0 or -1 as CPython leaves them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    pub kind: ErrorKind,
    pub message: TextBuf,
    pub lineno: i32,
    pub offset: i32,
    pub end_lineno: i32,
    pub end_offset: i32,
    /// The source line, when the front end knows it; the runtime reads it off the file otherwise.
    pub text: Option<TextBuf>,
}

/// A `SyntaxWarning` or `DeprecationWarning` of the tokenizer, parser or compiler. When the warnings filter turns it into an error,
/// the runtime raises a `SyntaxError` with the same place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxWarning {
    pub category: WarningCategory,
    pub message: String,
    pub lineno: i32,
    /// 1-based character offsets, for the error that the warning may become.
    pub offset: i32,
    pub end_lineno: i32,
    pub end_offset: i32,
}

impl SyntaxWarning {
    /// The message of the `SyntaxError` that the warning becomes when the filter makes it an error.
    pub fn error_message(&self) -> String {
        self.message.replacen(" Such sequences will not work in the future.", "", 1)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarningCategory {
    SyntaxWarning,
    DeprecationWarning,
}
