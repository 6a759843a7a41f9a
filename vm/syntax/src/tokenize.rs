//! The tokenizer on its own, fed line by line: what the native `_tokenize.TokenizerIter` is made of.
//!
//! Rows, columns (in characters), strings and lines are those that `Lib/tokenize.py` expects, with `extra_tokens`
//! (comments, `NL`, operators all of type `OP`, the line behind the end) or without.

use crate::error::{Details, ErrorKind, SyntaxError, SyntaxWarning};
use crate::token::TokenKind;
use crate::tokenizer::{Buffer, Done, Line, Tokenizer};
use std::rc::Rc;

/// One token, in the order of `tokenize.TokenInfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// Number in the `token` module.
    pub kind: u8,
    pub string: String,
    pub start: (i32, i32),
    pub end: (i32, i32),
    pub line: Rc<str>,
}

/// One token, its text still with the tokenizer: see [`TokenizerIter::text`] and [`TokenizerIter::line`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenSpan {
    /// Number in the `token` module.
    pub kind: u8,
    pub start: (i32, i32),
    pub end: (i32, i32),
    /// The same for all tokens of one line; 0 if the line is empty.
    pub line: u32,
    text: TextOf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextOf {
    /// What was read from here to there.
    Source(usize, usize),
    /// What stands for the end of a line.
    Given(&'static str),
}

/// Why there is no next token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenizeError<E> {
    Syntax(Box<SyntaxError>),
    /// `readline` failed.
    Source(E),
}

/// Tokens of the lines that `readline` returns; `None` or an empty line ends the input.
pub struct TokenizerIter<R, E> {
    tok: Tokenizer<ReadlineBuffer<R, E>>,
    done: bool,
    last_lineno: i32,
    /// Where the last line is, and how many there have been.
    last_line: (usize, usize),
    line_count: u32,
    /// The last line that [`TokenizerIter::next_token`] gave out, and its number.
    shared_line: (u32, Rc<str>),
    /// A byte of the buffer whose column in characters is known: start of its line, byte, column.
    known_column: (usize, usize, i32),
}

struct ReadlineBuffer<R, E> {
    readline: R,
    text: String,
    /// So far there is nothing but ASCII.
    is_ascii: bool,
    error: Option<E>,
}

impl<R: FnMut() -> Result<Option<String>, E>, E> Buffer for ReadlineBuffer<R, E> {
    fn forgets(&self) -> bool {
        true
    }

    fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    fn line_end(&mut self, _from: usize) -> Result<Option<Line>, ()> {
        let line = match (self.readline)() {
            Ok(line) => line.unwrap_or_default(),
            Err(e) => {
                self.error = Some(e);
                return Err(());
            }
        };
        if line.is_empty() {
            return Ok(None);
        }
        self.text.push_str(&line);
        self.is_ascii &= line.is_ascii();
        let implicit_newline = !line.ends_with('\n');
        if implicit_newline {
            self.text.push('\n');
        }
        let has_nul = memchr::memchr(0, line.as_bytes()).is_some();
        Ok(Some(Line { end: self.text.len(), implicit_newline, has_nul }))
    }
}

impl<R: FnMut() -> Result<Option<String>, E>, E> TokenizerIter<R, E> {
    /// An iterator over the tokens of what `readline` returns.
    pub fn new(readline: R, extra_tokens: bool) -> Self {
        let mut tok = Tokenizer::new(ReadlineBuffer { readline, text: String::new(), is_ascii: true, error: None });
        tok.extra_tokens = extra_tokens;
        let shared_line = (0, Rc::from(""));
        TokenizerIter { tok, done: false, last_lineno: 0, last_line: (0, 0), line_count: 0, shared_line, known_column: (0, 0, 0) }
    }

    /// The next token as an object of its own; `None` behind `ENDMARKER`.
    pub fn next_token(&mut self) -> Result<Option<TokenInfo>, TokenizeError<E>> {
        let Some(token) = self.next_span()? else { return Ok(None) };
        let line = match token.line {
            0 => Rc::from(""),
            number => {
                if self.shared_line.0 != number {
                    self.shared_line = (number, Rc::from(self.line(&token)));
                }
                self.shared_line.1.clone()
            }
        };
        let TokenSpan { kind, start, end, .. } = token;
        Ok(Some(TokenInfo { kind, string: self.text(&token).to_owned(), start, end, line }))
    }

    /// The text of a token.
    #[inline]
    pub fn text(&self, token: &TokenSpan) -> &str {
        match token.text {
            TextOf::Source(from, to) => self.tok.source.text.get(from..to).unwrap_or(""),
            TextOf::Given(text) => text,
        }
    }

    /// The physical line of a token; that of a token before the last may be gone.
    pub fn line(&self, token: &TokenSpan) -> &str {
        if token.line == 0 { "" } else { self.tok.source.text.get(self.last_line.0..self.last_line.1).unwrap_or("") }
    }

    /// The next token; `None` behind `ENDMARKER`.
    pub fn next_span(&mut self) -> Result<Option<TokenSpan>, TokenizeError<E>> {
        if self.done {
            return Ok(None);
        }
        let token = self.tok.get();
        if token.kind == TokenKind::ErrorToken {
            return Err(self.error());
        }
        self.done = token.kind == TokenKind::EndMarker;
        if !self.tok.extra_tokens && self.tok.lineno == 0 {
            // Without a single line CPython has no line to report, and stops.
            return Ok(None);
        }
        let trailing = self.done || (token.kind == TokenKind::Dedent && self.tok.done == Done::Eof);
        let mut text = token.span.map_or(TextOf::Given(""), |(from, to)| TextOf::Source(from, to));
        let is_string = token.kind.is_string_literal();
        let line_start = if is_string { self.tok.multi_line_start } else { self.tok.line_start };
        let line = self.line_number(line_start, trailing);
        let (mut lineno, mut end_lineno) = (if is_string { self.tok.first_lineno } else { self.tok.lineno }, self.tok.lineno);
        self.last_lineno = lineno;
        let (mut col, mut end_col) = (-1, -1);
        if let Some((start, end)) = token.span {
            if start >= line_start {
                col = self.column(line_start, start);
            }
            if end >= self.tok.line_start {
                end_col = self.column(self.tok.line_start, end);
            }
        }
        let mut kind = token.kind;
        if self.tok.extra_tokens {
            if trailing {
                lineno += 1;
                end_lineno = lineno;
                (col, end_col) = (0, 0);
            }
            match kind {
                TokenKind::Newline => {
                    let crlf = self.tok.start.is_some_and(|i| self.tok.source.bytes().get(i) == Some(&b'\r'));
                    text = TextOf::Given(match (self.tok.implicit_newline, crlf) {
                        (true, true) => "\r",
                        (true, false) => "",
                        (false, true) => "\r\n",
                        (false, false) => "\n",
                    });
                    end_col += 1;
                }
                TokenKind::Nl if self.tok.implicit_newline => text = TextOf::Given(""),
                _ if (kind as u8) > TokenKind::Dedent as u8 && (kind as u8) < TokenKind::Op as u8 => kind = TokenKind::Op,
                _ => {}
            }
        }
        Ok(Some(TokenSpan { kind: kind as u8, start: (lineno, col), end: (end_lineno, end_col), line, text }))
    }

    /// The warnings since the last call.
    #[inline]
    pub fn take_warnings(&mut self) -> Vec<SyntaxWarning> {
        std::mem::take(&mut self.tok.warnings)
    }

    /// The number of a token's physical line.
    #[inline]
    fn line_number(&mut self, line_start: usize, trailing: bool) -> u32 {
        if self.tok.extra_tokens && trailing {
            return 0;
        }
        if self.tok.lineno != self.last_lineno {
            let mut end = self.tok.inp;
            if end > line_start && self.tok.implicit_newline {
                end -= 1;
            }
            self.last_line = (line_start, end);
            self.line_count = self.line_count.wrapping_add(1).max(1);
        }
        self.line_count
    }

    /// The column of a byte, in characters; counting goes on from the last one asked for.
    #[inline]
    fn column(&mut self, line_start: usize, at: usize) -> i32 {
        if self.tok.source.is_ascii { (at - line_start) as i32 } else { self.counted_column(line_start, at) }
    }

    fn counted_column(&mut self, line_start: usize, at: usize) -> i32 {
        let (known_line, known_at, known) = self.known_column;
        let (from, base) = if known_line == line_start && known_at <= at { (known_at, known) } else { (line_start, 0) };
        let bytes = self.tok.source.bytes().get(from..at).unwrap_or(&[]);
        let column = base + bytes.iter().filter(|&&b| b & 0xc0 != 0x80).count() as i32;
        self.known_column = (line_start, at, column);
        column
    }

    fn error(&mut self) -> TokenizeError<E> {
        self.done = true;
        if let Some(e) = self.tok.source.error.take() {
            return TokenizeError::Source(e);
        }
        if let Some(e) = self.tok.error.take() {
            return TokenizeError::Syntax(Box::new(e));
        }
        let (kind, message) = match self.tok.done {
            Done::Eof => (ErrorKind::SyntaxError, "unexpected EOF in multi-line statement"),
            Done::Dedent => (ErrorKind::IndentationError, "unindent does not match any outer indentation level"),
            Done::TabSpace => (ErrorKind::TabError, "inconsistent use of tabs and spaces in indentation"),
            Done::TooDeep => (ErrorKind::IndentationError, "too many levels of indentation"),
            Done::LineCont => (ErrorKind::SyntaxError, "unexpected character after line continuation character"),
            _ => (ErrorKind::SyntaxError, "unknown tokenization error"),
        };
        // CPython points behind the line, whatever the error; at the end of input it counts bytes and gives neither the line nor an end.
        let end_of_file = self.tok.done == Done::Eof;
        let line = self.tok.source.bytes().get(self.tok.buf..self.tok.inp).unwrap_or(&[]);
        let line = if end_of_file { line } else { line.strip_suffix(b"\n").unwrap_or(line) };
        let chars = String::from_utf8_lossy(line).chars().count() as i32;
        let offset = if end_of_file { line.len() as i32 } else { chars + 1 };
        TokenizeError::Syntax(Box::new(SyntaxError {
            kind,
            message: message.into(),
            lineno: self.tok.lineno,
            offset,
            end_lineno: if end_of_file { self.tok.lineno } else { -1 },
            end_offset: -1,
            text: (!end_of_file).then(|| String::from_utf8_lossy(line).into_owned().into()),
            details: if end_of_file { Details::Message } else { Details::Full },
            parser: None,
            warnings: Vec::new(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens as `number:text@row,column`, and the message of the error that ends them.
    fn tokens(source: &str, extra: bool) -> String {
        let mut lines = source.split_inclusive('\n');
        let mut iter = TokenizerIter::new(|| Ok::<_, ()>(lines.next().map(str::to_owned)), extra);
        let mut out = Vec::new();
        loop {
            match iter.next_token() {
                Ok(None) => break,
                Ok(Some(t)) => {
                    out.push(format!("{}:{}@{},{}", t.kind, t.string.replace('\n', "\\n"), t.start.0, t.start.1));
                }
                Err(TokenizeError::Syntax(e)) => {
                    out.push(e.message.to_string());
                    break;
                }
                Err(TokenizeError::Source(())) => break,
            }
        }
        out.join(" ")
    }

    #[test]
    fn with_and_without_extra_tokens() {
        let cases = [
            ("a = 1 # c", true, "1:a@1,0 55:=@1,2 2:1@1,4 65:# c@1,6 4:@1,9 0:@2,0"),
            ("a = 1 # c", false, "1:a@1,0 22:=@1,2 2:1@1,4 4:# c@1,6 0:@1,-1"),
            ("if a:\n  b\n", true, "1:if@1,0 1:a@1,3 55::@1,4 4:\\n@1,5 5:  @2,0 1:b@2,2 4:\\n@2,3 6:@3,0 0:@3,0"),
            ("\n", true, "66:\\n@1,0 0:@2,0"),
            ("f'a{b!r}'", true, "59:f'@1,0 60:a@1,2 55:{@1,3 1:b@1,4 55:!@1,5 1:r@1,6 55:}@1,7 61:'@1,8 4:@1,9 0:@2,0"),
            ("1 <> 2", false, "2:1@1,0 20:<@1,2 21:>@1,3 2:2@1,5 4:@1,6 0:@1,-1"),
            ("(", true, "55:(@1,0 66:@1,1 unexpected EOF in multi-line statement"),
            ("é = '''\n'''\n", true, "1:é@1,0 55:=@1,2 3:'''\\n'''@1,4 4:\\n@2,3 0:@3,0"),
        ];
        for (source, extra, expected) in cases {
            assert_eq!(tokens(source, extra), expected, "in {source:?}");
        }
    }
}
