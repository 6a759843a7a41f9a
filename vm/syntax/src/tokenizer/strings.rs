//! String literals, and the mode inside f- and t-strings (PEP 701, PEP 750).

use super::classes;
use super::{Buffer, Done, EOF, Lexed, MAX_EXPR_NESTING, MAX_FSTRING_LEVEL, StringMode, Tokenizer};
use crate::token::TokenKind;

const NEWLINE: i32 = b'\n' as i32;
const CR: i32 = b'\r' as i32;
const BACKSLASH: i32 = b'\\' as i32;
const LBRACE: i32 = b'{' as i32;
const RBRACE: i32 = b'}' as i32;

impl<B: Buffer> Tokenizer<B> {
    /// The literal whose opening quote `quote` was just read.
    pub(super) fn string(&mut self, quote: i32) -> Lexed {
        let (mut quote_size, mut end_quote_size, mut has_escaped_quote) = (1, 0, false);
        self.first_lineno = self.lineno;
        self.multi_line_start = self.line_start;
        let mut c = self.nextc();
        if c == quote {
            c = self.nextc();
            if c == quote {
                quote_size = 3;
            } else {
                end_quote_size = 1;
            }
        }
        if c != quote {
            self.backup(c);
        }
        while end_quote_size != quote_size {
            let plain = self.plain_in_string(quote as u8, quote_size);
            if plain > 0 {
                self.cur += plain;
                end_quote_size = 0;
            }
            c = self.nextc();
            if self.done == Done::Error || self.done == Done::Source {
                return self.error_token();
            }
            if c == EOF || (quote_size == 1 && c == NEWLINE) {
                return self.unterminated_string(c, quote, quote_size, has_escaped_quote);
            }
            if c == quote {
                end_quote_size += 1;
                continue;
            }
            end_quote_size = 0;
            if c == BACKSLASH {
                c = self.nextc();
                has_escaped_quote |= c == quote;
                if c == CR {
                    self.nextc();
                }
            }
        }
        self.token(TokenKind::String)
    }

    /// How many bytes from here on, on this line, mean nothing but themselves within a string.
    #[inline]
    fn plain_in_string(&self, quote: u8, quote_size: usize) -> usize {
        let rest = self.rest();
        if quote_size == 1 {
            return classes::until(rest, classes::STRING_STOP);
        }
        memchr::memchr2(quote, b'\\', rest).unwrap_or(rest.len())
    }

    /// Reports the literal from its opening quote.
    fn unterminated_string(&mut self, c: i32, quote: i32, quote_size: usize, has_escaped_quote: bool) -> Lexed {
        let end_lineno = self.lineno;
        self.cur = self.start.unwrap_or(self.cur) + 1;
        self.line_start = self.multi_line_start;
        self.lineno = self.first_lineno;
        if let Some(mode) = self.modes.last()
            && i32::from(mode.quote) == quote
            && mode.quote_size == quote_size
        {
            // The quote was meant to end the f-string: a brace is missing.
            let message = format!("{}-string: expecting '}}'", mode.prefix());
            return self.syntax_error(message);
        }
        let message = match (quote_size, has_escaped_quote) {
            (3, _) => format!("unterminated triple-quoted string literal (detected at line {end_lineno})"),
            (_, true) => format!(
                "unterminated string literal (detected at line {end_lineno}); perhaps you escaped the end quote?"
            ),
            (_, false) => format!("unterminated string literal (detected at line {end_lineno})"),
        };
        let token = self.syntax_error(message);
        if c != NEWLINE {
            self.done = if quote_size == 3 { Done::Eofs } else { Done::Eols };
        }
        token
    }

    /// The start of an f- or t-string whose opening quote was just read.
    pub(super) fn fstring_start(&mut self, quote: i32, template: bool, raw: bool) -> Lexed {
        self.first_lineno = self.lineno;
        self.multi_line_start = self.line_start;
        let mut quote_size = 1;
        let after_quote = self.nextc();
        if after_quote == quote {
            let after_after = self.nextc();
            if after_after == quote {
                quote_size = 3;
            } else {
                self.backup(after_after);
                self.backup(after_quote);
            }
        } else {
            self.backup(after_quote);
        }
        if self.modes.len() + 1 >= MAX_FSTRING_LEVEL {
            return self.syntax_error("too many nested f-strings or t-strings".to_owned());
        }
        self.modes.push(StringMode {
            regular: false,
            quote: quote as u8,
            quote_size,
            raw,
            template,
            start: self.start.unwrap_or(self.cur),
            line_start: self.line_start,
            lineno: self.lineno,
            curly_bracket_depth: 0,
            curly_bracket_expr_start_depth: -1,
            last_expr_start: None,
            last_expr_end: None,
            in_debug: false,
            in_format_spec: false,
        });
        self.token(if template { TokenKind::TStringStart } else { TokenKind::FStringStart })
    }

    /// Bookkeeping for `:`, `}`, `!`, `{` in a replacement field. True if the character is the colon that begins a
    /// format specification.
    pub(super) fn fstring_punctuation(&mut self, c: u8) -> bool {
        let (cur, start) = (self.cur, self.start.unwrap_or(self.cur));
        let bytes = self.source.bytes();
        let Some(mode) = self.modes.last_mut() else { return false };
        if !mode.in_expr() {
            return false;
        }
        // The brace that opens the field has not been counted yet.
        let cursor = mode.curly_bracket_depth - i32::from(c != b'{');
        if cursor == 0 || (cursor == 1 && (mode.in_debug || mode.in_format_spec)) {
            if c == b'{' {
                mode.last_expr_start = Some(cur);
                mode.last_expr_end = None;
            } else {
                let from = mode.last_expr_start.unwrap_or(start);
                let to = *mode.last_expr_end.get_or_insert(start);
                if (mode.in_debug || mode.template) && self.metadata.is_none() {
                    self.metadata = Some(without_comments(&bytes[from.min(to)..to]));
                }
            }
        }
        let format_spec = c == b':' && cursor == mode.curly_bracket_expr_start_depth;
        if format_spec {
            mode.regular = false;
            mode.in_format_spec = true;
        }
        format_spec
    }

    fn enter_expression(&mut self) -> Option<Lexed> {
        let mode = self.modes.last_mut()?;
        mode.curly_bracket_expr_start_depth += 1;
        if mode.curly_bracket_expr_start_depth >= MAX_EXPR_NESTING {
            let message = format!("{}-string: expressions nested too deeply", mode.prefix());
            return Some(self.syntax_error(message));
        }
        mode.regular = true;
        None
    }

    pub(super) fn get_fstring_mode(&mut self) -> Lexed {
        self.start = Some(self.cur);
        self.first_lineno = self.lineno;
        self.multi_line_start = self.line_start;
        self.starting_col_offset = self.col_offset();
        let c = self.nextc();
        if c == LBRACE {
            let peek = self.nextc();
            self.backup(peek);
            self.backup(c);
            if peek != LBRACE {
                return match self.enter_expression() {
                    Some(error) => error,
                    None => self.get_normal_mode(),
                };
            }
        } else {
            self.backup(c);
        }
        match self.fstring_end() {
            Some(token) => token,
            None => self.fstring_middle(),
        }
    }

    fn fstring_end(&mut self) -> Option<Lexed> {
        let mode = self.modes.last()?;
        let (quote, quote_size, template) = (i32::from(mode.quote), mode.quote_size, mode.template);
        for _ in 0..quote_size {
            // What was read of a shorter run of quotes stays read, as the text that follows expects.
            let c = self.nextc();
            if c != quote {
                self.backup(c);
                return None;
            }
        }
        self.modes.pop();
        Some(self.token(if template { TokenKind::TStringEnd } else { TokenKind::FStringEnd }))
    }

    fn fstring_middle(&mut self) -> Lexed {
        let (mut end_quote_size, mut unicode_escape) = (0, false);
        let Some(mode) = self.modes.last() else { return self.error_token() };
        let (quote, quote_size, raw, middle) = (i32::from(mode.quote), mode.quote_size, mode.raw, mode.middle());
        while end_quote_size != quote_size {
            let rest = self.rest();
            let plain = rest.iter().position(|&b| classes::is(b, classes::STRING_STOP) || matches!(b, b'{' | b'}')).unwrap_or(rest.len());
            if plain > 0 {
                self.cur += plain;
                end_quote_size = 0;
            }
            let c = self.nextc();
            if self.done == Done::Error || self.done == Done::Source {
                return self.error_token();
            }
            let in_format_spec = self.modes.last().is_some_and(|m| m.in_format_spec && m.in_expr());
            if c == EOF || (quote_size == 1 && c == NEWLINE) {
                return self.unterminated_fstring(c, in_format_spec);
            }
            if c == quote {
                end_quote_size += 1;
                continue;
            }
            end_quote_size = 0;
            match c {
                LBRACE => return self.fstring_left_brace(in_format_spec, middle),
                RBRACE if unicode_escape => return self.token(middle),
                RBRACE => return self.fstring_right_brace(in_format_spec, middle),
                BACKSLASH => {
                    let mut peek = self.nextc();
                    if peek == CR {
                        peek = self.nextc();
                    }
                    if peek == LBRACE || peek == RBRACE {
                        if !raw {
                            let ch = char::from(peek as u8);
                            self.warn(invalid_escape_message(ch));
                        }
                        self.backup(peek);
                    } else if !raw && peek == i32::from(b'N') {
                        peek = self.nextc();
                        if peek == LBRACE {
                            unicode_escape = true;
                        } else {
                            self.backup(peek);
                        }
                    }
                }
                _ => {}
            }
        }
        for _ in 0..quote_size {
            self.backup(quote);
        }
        self.token(middle)
    }

    fn fstring_left_brace(&mut self, in_format_spec: bool, middle: TokenKind) -> Lexed {
        let cur = self.cur;
        let peek = self.nextc();
        if let Some(mode) = self.modes.last_mut() {
            mode.last_expr_start = Some(cur);
            mode.last_expr_end = None;
        }
        if peek == LBRACE && !in_format_spec {
            return self.middle_but_one(middle);
        }
        self.backup(peek);
        self.backup(LBRACE);
        if let Some(error) = self.enter_expression() {
            return error;
        }
        if let Some(mode) = self.modes.last_mut() {
            mode.in_format_spec = false;
        }
        self.token(middle)
    }

    fn fstring_right_brace(&mut self, in_format_spec: bool, middle: TokenKind) -> Lexed {
        let peek = self.nextc();
        let depth = self.modes.last().map_or(0, |m| m.curly_bracket_depth);
        if peek == RBRACE && !in_format_spec && depth == 0 {
            return self.middle_but_one(middle);
        }
        self.backup(peek);
        self.backup(RBRACE);
        if let Some(mode) = self.modes.last_mut() {
            mode.regular = true;
            mode.in_format_spec = false;
        }
        self.token(middle)
    }

    /// The text up to the first of a doubled brace; the second is read but belongs to no token.
    fn middle_but_one(&mut self, middle: TokenKind) -> Lexed {
        let start = self.start.unwrap_or(self.cur);
        self.token_of(middle, (start, self.cur - 1), None)
    }

    fn unterminated_fstring(&mut self, c: i32, in_format_spec: bool) -> Lexed {
        let Some(mode) = self.modes.last() else { return self.error_token() };
        let p = mode.prefix();
        if in_format_spec && c == NEWLINE {
            return self.syntax_error(format!(
                "{p}-string: newlines are not allowed in format specifiers for single quoted {p}-strings"
            ));
        }
        let end_lineno = self.lineno;
        let triple = mode.quote_size == 3;
        self.cur = mode.start + 1;
        self.line_start = mode.line_start;
        self.lineno = mode.lineno;
        let kind = if triple { "triple-quoted " } else { "" };
        let token =
            self.syntax_error(format!("unterminated {kind}{p}-string literal (detected at line {end_lineno})"));
        if triple && c != NEWLINE {
            self.done = Done::Eofs;
        }
        token
    }
}

/// The warning for a backslash before a character that it does not escape.
pub(crate) fn invalid_escape_message(ch: char) -> String {
    format!(
        "\"\\{ch}\" is an invalid escape sequence. Such sequences will not work in the future. Did you mean \"\\\\{ch}\"? \
         A raw string is also an option."
    )
}

/// The source of an expression with its comments taken out; a `#` in a string is not a comment. The number of quotes
/// in a triple-quoted string is odd on each side, so that counting single quotes is enough.
fn without_comments(expr: &[u8]) -> String {
    let mut out = Vec::with_capacity(expr.len());
    let mut in_string = None;
    let mut bytes = expr.iter().copied();
    while let Some(b) = bytes.next() {
        match b {
            b'\\' => {
                out.push(b);
                out.extend(bytes.next());
                continue;
            }
            b'"' | b'\'' => match in_string {
                None => in_string = Some(b),
                Some(q) if q == b => in_string = None,
                Some(_) => {}
            },
            b'#' if in_string.is_none() => {
                if bytes.any(|b| b == b'\n') {
                    out.push(b'\n');
                }
                continue;
            }
            _ => {}
        }
        out.push(b);
    }
    String::from_utf8_lossy(&out).into_owned()
}
