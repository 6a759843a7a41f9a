//! The tokenizer: CPython's lexer state machine over a growing byte buffer.
//!
//! One state machine serves the parser (the whole source is there from the start) and `_tokenize` (lines arrive from a
//! `readline`); what differs is the [`Buffer`]. Lines are taken one at a time, as CPython does, because errors speak of
//! "the current line": `line_start..inp`. Positions are byte offsets into the buffer. After an error the tokenizer is
//! not asked again, except to look for a better error.

mod classes;
mod normal;
mod number;
mod strings;

pub(crate) use strings::invalid_escape_message;

use crate::error::{Details, ErrorKind, SyntaxError, SyntaxWarning, WarningCategory};
use crate::token::TokenKind;

/// End of input, among characters.
const EOF: i32 = -1;
const MAX_INDENT: usize = 100;
const MAX_LEVEL: usize = 200;
const MAX_FSTRING_LEVEL: usize = 150;
const MAX_EXPR_NESTING: i32 = 3;
const TAB_SIZE: usize = 8;

/// Where source comes from.
pub(crate) trait Buffer {
    /// Whether lines that no token needs any more are forgotten, also at the end of input, as when a file is read.
    fn forgets(&self) -> bool;
    /// All source read so far.
    fn bytes(&self) -> &[u8];
    /// Makes the line that starts at `from` available and returns its end, newline included; `None` at the end of
    /// input. `Err` when the source failed (the failure stays with the buffer).
    fn line_end(&mut self, from: usize) -> Result<Option<Line>, ()>;
}

/// One more line of source.
pub(crate) struct Line {
    pub(crate) end: usize,
    /// The newline at its end was added, it is not in the source.
    pub(crate) implicit_newline: bool,
    /// There is a NUL in it.
    pub(crate) has_nul: bool,
}

/// Why the tokenizer stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Ok,
    Eof,
    Error,
    Dedent,
    TabSpace,
    TooDeep,
    LineCont,
    /// End of input in a triple-quoted string.
    Eofs,
    /// End of input in a string.
    Eols,
    /// The buffer failed.
    Source,
}

/// A token as the tokenizer makes it. Without a start it has no text and its columns are -1.
#[derive(Clone, Debug)]
pub(crate) struct RawToken {
    pub(crate) kind: TokenKind,
    pub(crate) span: Option<(usize, usize)>,
    pub(crate) level: u32,
    pub(crate) lineno: i32,
    pub(crate) end_lineno: i32,
    pub(crate) col_offset: i32,
    pub(crate) end_col_offset: i32,
}

/// What the tokenizer keeps for each f- or t-string that is open.
struct StringMode {
    /// Inside `{...}`, where tokens are ordinary.
    regular: bool,
    quote: u8,
    quote_size: usize,
    raw: bool,
    template: bool,
    start: usize,
    line_start: usize,
    lineno: i32,
    curly_bracket_depth: i32,
    curly_bracket_expr_start_depth: i32,
    /// Where the text of the current expression starts, and where it was seen to end.
    last_expr_start: Option<usize>,
    last_expr_end: Option<usize>,
    in_debug: bool,
    in_format_spec: bool,
}

impl StringMode {
    fn prefix(&self) -> char {
        if self.template { 't' } else { 'f' }
    }

    fn middle(&self) -> TokenKind {
        if self.template { TokenKind::TStringMiddle } else { TokenKind::FStringMiddle }
    }

    fn in_expr(&self) -> bool {
        self.curly_bracket_expr_start_depth >= 0
    }
}

struct Paren {
    opening: u8,
    lineno: i32,
    col: i32,
}

/// The tokenizer's state; the fields bear the names they have in CPython's `tok_state`.
pub(crate) struct Tokenizer<B> {
    pub(crate) source: B,
    /// Start of what CPython would still hold in its buffer: the first line of the current token.
    pub(crate) buf: usize,
    pub(crate) cur: usize,
    pub(crate) inp: usize,
    pub(crate) start: Option<usize>,
    pub(crate) line_start: usize,
    pub(crate) multi_line_start: usize,
    pub(crate) lineno: i32,
    pub(crate) first_lineno: i32,
    starting_col_offset: i32,
    pub(crate) done: Done,
    pub(crate) implicit_newline: bool,
    atbol: bool,
    pub(crate) pendin: i32,
    pub(crate) indent: usize,
    indstack: Vec<usize>,
    altindstack: Vec<usize>,
    parens: Vec<Paren>,
    modes: Vec<StringMode>,
    pub(crate) type_comments: bool,
    /// `<>` is one token.
    pub(crate) barry_as_bdfl: bool,
    pub(crate) extra_tokens: bool,
    comment_newline: bool,
    /// Lines come from a prompt: an empty one ends a block.
    pub(crate) interactive: bool,
    /// The last name is all ASCII.
    pub(crate) ascii_name: bool,
    /// The source of an f-string expression, once the token that ends it has been read, where `=` or a t-string asks for it.
    pub(crate) metadata: Option<String>,
    /// Where the last token with [`Extent::Own`] is, and its columns if they are not those of the text that was read.
    own: ((usize, usize), Option<(i32, i32)>),
    pub(crate) error: Option<SyntaxError>,
    pub(crate) warnings: Vec<SyntaxWarning>,
}

impl<B: Buffer> Tokenizer<B> {
    pub(crate) fn new(source: B) -> Self {
        Tokenizer {
            source,
            buf: 0,
            cur: 0,
            inp: 0,
            start: None,
            line_start: 0,
            multi_line_start: 0,
            lineno: 0,
            first_lineno: 0,
            starting_col_offset: -1,
            done: Done::Ok,
            implicit_newline: false,
            atbol: true,
            pendin: 0,
            indent: 0,
            indstack: vec![0],
            altindstack: vec![0],
            parens: Vec::new(),
            modes: Vec::new(),
            type_comments: false,
            barry_as_bdfl: false,
            extra_tokens: false,
            comment_newline: false,
            interactive: false,
            ascii_name: true,
            metadata: None,
            own: ((0, 0), None),
            error: None,
            warnings: Vec::new(),
        }
    }

    /// The next token; `ErrorToken` with `done` (and perhaps `error`) set on failure.
    #[inline]
    pub(crate) fn get(&mut self) -> RawToken {
        if self.metadata.is_some() {
            self.metadata = None;
        }
        let lexed = match self.modes.last() {
            Some(mode) if !mode.regular => self.get_fstring_mode(),
            _ => self.get_normal_mode(),
        };
        self.setup(lexed)
    }

    /// How many brackets are open.
    pub(crate) fn level(&self) -> usize {
        self.parens.len()
    }

    /// Whether an f- or t-string is open.
    pub(crate) fn inside_fstring(&self) -> bool {
        !self.modes.is_empty()
    }

    /// `f` or `t`, whichever kind of string is open.
    pub(crate) fn string_prefix(&self) -> char {
        self.modes.last().map_or('f', StringMode::prefix)
    }

    /// Whether the innermost open f- or t-string is a raw one.
    pub(crate) fn string_is_raw(&self) -> bool {
        self.modes.last().is_some_and(|m| m.raw)
    }

    /// The innermost open bracket: character, line, column.
    pub(crate) fn open_paren(&self) -> Option<(char, i32, i32)> {
        self.parens.last().map(|p| (char::from(p.opening), p.lineno, p.col))
    }

    /// The column of `cur`, in bytes.
    pub(crate) fn col_offset(&self) -> i32 {
        (self.cur as i64 - self.line_start as i64) as i32
    }

    #[inline]
    fn setup(&mut self, token: Lexed) -> RawToken {
        let Lexed { kind, extent } = token;
        let string = kind.is_string_literal();
        let read = (self.starting_col_offset, self.col_offset());
        let (span, (col_offset, end_col_offset)) = match extent {
            Extent::Read => (Some((self.start.unwrap_or(self.cur), self.cur)), read),
            Extent::Own => (Some(self.own.0), self.own.1.unwrap_or(read)),
            Extent::None => (None, (-1, -1)),
        };
        RawToken {
            kind,
            span,
            level: self.parens.len() as u32,
            lineno: if string { self.first_lineno } else { self.lineno },
            end_lineno: self.lineno,
            col_offset,
            end_col_offset,
        }
    }

    /// A token that spans `start..cur`.
    #[inline]
    fn token(&self, kind: TokenKind) -> Lexed {
        Lexed { kind, extent: Extent::Read }
    }

    /// A token that spans something else.
    fn token_of(&mut self, kind: TokenKind, span: (usize, usize), cols: Option<(i32, i32)>) -> Lexed {
        self.own = (span, cols);
        Lexed { kind, extent: Extent::Own }
    }

    fn error_token(&self) -> Lexed {
        Lexed { kind: TokenKind::ErrorToken, extent: Extent::None }
    }

    /// What is there of the current line and has not been read.
    #[inline]
    fn rest(&self) -> &[u8] {
        self.source.bytes().get(self.cur..self.inp).unwrap_or(&[])
    }

    /// The next character, or [`EOF`].
    #[inline]
    fn nextc(&mut self) -> i32 {
        if self.cur != self.inp {
            let c = self.source.bytes().get(self.cur).copied().unwrap_or(0);
            self.cur += 1;
            return i32::from(c);
        }
        self.underflow()
    }

    #[inline(never)]
    fn underflow(&mut self) -> i32 {
        if self.done != Done::Ok {
            return EOF;
        }
        let has_nul = match self.source.line_end(self.inp) {
            Err(()) => {
                self.done = Done::Source;
                return EOF;
            }
            Ok(None) => {
                if self.source.forgets() && self.start.is_none() && !self.inside_fstring() {
                    self.buf = self.inp;
                    self.line_start = self.inp;
                }
                self.done = Done::Eof;
                return EOF;
            }
            Ok(Some(line)) => {
                if self.start.is_none() && !(self.source.forgets() && self.inside_fstring()) {
                    self.buf = self.cur;
                }
                self.line_start = self.cur;
                self.lineno += 1;
                self.inp = line.end;
                self.implicit_newline = line.implicit_newline;
                line.has_nul
            }
        };
        if has_nul {
            self.syntax_error("source code cannot contain null bytes".to_owned());
            self.cur = self.inp;
            return EOF;
        }
        self.nextc()
    }

    /// Puts `c` back.
    #[inline]
    fn backup(&mut self, c: i32) {
        if c != EOF && self.cur > 0 {
            self.cur -= 1;
        }
    }

    /// Reports `message` at the last character read.
    fn syntax_error(&mut self, message: String) -> Lexed {
        self.syntax_error_range(message, None)
    }

    /// Reports `message` at byte columns (from 1), or at the last character read.
    fn syntax_error_range(&mut self, message: String, cols: Option<(usize, usize)>) -> Lexed {
        if self.done == Done::Error {
            return self.error_token();
        }
        let bytes = self.source.bytes();
        let upto = self.cur.max(self.line_start).min(bytes.len());
        let chars = |to: usize| String::from_utf8_lossy(&bytes[self.line_start..to]).chars().count() as i32;
        let (offset, end_offset) = match cols {
            None => (chars(upto), chars(upto)),
            Some((a, b)) => (chars((self.line_start + a - 1).min(upto)) + 1, chars((self.line_start + b - 1).min(upto)) + 1),
        };
        let rest = &bytes[self.line_start..];
        let line_len = rest.iter().position(|&b| b == b'\n' || b == 0).unwrap_or(rest.len());
        let text = String::from_utf8_lossy(&rest[..line_len]).into_owned();
        self.done = Done::Error;
        if self.error.is_none() {
            self.error = Some(SyntaxError {
                kind: ErrorKind::SyntaxError,
                message: message.into(),
                lineno: self.lineno,
                offset,
                end_lineno: self.lineno,
                end_offset,
                text: Some(text.into()),
                details: Details::Full,
                parser: None,
                warnings: Vec::new(),
            });
        }
        self.error_token()
    }

    fn indent_error(&mut self) -> Lexed {
        self.done = Done::TabSpace;
        self.cur = self.inp;
        self.error_token()
    }

    fn warn(&mut self, message: String) {
        let bytes = self.source.bytes();
        let col = String::from_utf8_lossy(&bytes[self.line_start..self.cur.max(self.line_start)]).chars().count() as i32;
        self.warnings.push(SyntaxWarning {
            category: WarningCategory::SyntaxWarning,
            message,
            lineno: self.lineno,
            offset: col,
            end_lineno: self.lineno,
            end_offset: col,
        });
    }
}

/// A token before its position is worked out.
#[derive(Clone, Copy)]
struct Lexed {
    kind: TokenKind,
    extent: Extent,
}

/// Which text a token spans.
#[derive(Clone, Copy)]
enum Extent {
    /// `start..cur`
    Read,
    /// `own`
    Own,
    None,
}

/// Source that is all there, or what has been typed of it.
pub(crate) struct StrBuffer<'a> {
    pub(crate) text: &'a str,
    /// Lines are forgotten as when they are read from a file.
    pub(crate) from_file: bool,
    /// There may be more than `text`: its end is a failure, not the end of input.
    pub(crate) unfinished: bool,
}

impl Buffer for StrBuffer<'_> {
    fn forgets(&self) -> bool {
        self.from_file
    }

    fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    fn line_end(&mut self, from: usize) -> Result<Option<Line>, ()> {
        let rest = &self.text.as_bytes()[from..];
        if rest.is_empty() {
            return if self.unfinished { Err(()) } else { Ok(None) };
        }
        let (end, has_nul) = match memchr::memchr2(b'\n', 0, rest) {
            Some(i) => (from + i + 1, rest[i] == 0),
            None => (self.text.len(), false),
        };
        Ok(Some(Line { end, implicit_newline: false, has_nul }))
    }
}
