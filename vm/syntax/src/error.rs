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
    /// The message is the text that cannot be encoded as UTF-8.
    UnicodeEncodeError,
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
    pub details: Details,
    /// What the parser knows beyond that, if the error comes out of [`crate::parse`].
    pub parser: Option<Box<ParserState>>,
    /// The warnings that are due before the error.
    pub warnings: Vec<SyntaxWarning>,
}

/// A byte column as a 1-based character offset in `line`.
pub(crate) fn char_offset(line: &str, col: usize) -> i32 {
    let bytes = line.as_bytes();
    let chars = String::from_utf8_lossy(&bytes[..col.min(bytes.len())]).chars().count();
    (chars + usize::from(col > bytes.len())) as i32
}

impl SyntaxError {
    /// Start and end on `line`, which is the error's line as it is in the file, with its newline if it has one.
    pub fn offsets_on(&self, line: &str) -> (i32, i32) {
        let Some((start, end)) = self.parser.as_ref().and_then(|p| p.columns) else { return (self.offset, self.end_offset) };
        let chars = |col: i32| usize::try_from(col).ok().filter(|c| *c > 0).map_or(col, |c| char_offset(line, c));
        (chars(start), chars(end))
    }

    /// An error without a place.
    pub fn new(kind: ErrorKind, message: impl Into<TextBuf>) -> Self {
        SyntaxError { kind, message: message.into(), lineno: 0, offset: 0, end_lineno: 0, end_offset: 0, text: None, details: Details::Full, parser: None, warnings: Vec::new() }
    }
}

/// What the exception is made of, which its `args` show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Details {
    /// The message and file, place, line and end.
    #[default]
    Full,
    /// All but the file's name, which is set afterwards.
    Nameless,
    /// The message, and no end.
    Short,
    /// The message alone; the place is set afterwards (as the symbol table does).
    Message,
}

/// Where the parser was when it gave up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParserState {
    /// Line and column (in bytes) of the last compound statement before the error; (0, 0) if there is none, and none at all for errors that
    /// CPython leaves without `_metadata`.
    pub last_statement: Option<(i32, i32)>,
    /// The source as the tokenizer had it, with its newlines translated.
    pub source: String,
    /// The source was read off a file as it was parsed.
    pub from_file: bool,
    /// Where there is a file of the source's name, its line is shown rather than `text`.
    pub line_from_file: bool,
    /// Where the error starts and ends on its line, in bytes from 1, if the parser knows.
    pub columns: Option<(i32, i32)>,
    /// The encoding of the source, where it is not UTF-8; the caller sets it.
    pub encoding: Option<String>,
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
