//! Ordinary tokens: indentation, comments, names, operators.

use super::classes::{self, is_char};
use super::{Buffer, Done, EOF, Extent, Lexed, MAX_INDENT, MAX_LEVEL, Paren, TAB_SIZE, Tokenizer};
use crate::token::TokenKind;

const SPACE: i32 = b' ' as i32;
const TAB: i32 = b'\t' as i32;
const FORM_FEED: i32 = 0x0c;
const NEWLINE: i32 = b'\n' as i32;
const CR: i32 = b'\r' as i32;
const HASH: i32 = b'#' as i32;
const BACKSLASH: i32 = b'\\' as i32;

pub(super) fn is_identifier_char(c: i32) -> bool {
    is_char(c, classes::NAME)
}

pub(super) fn is_digit(c: i32) -> bool {
    is_char(c, classes::DIGIT)
}

/// The letters of a string prefix seen so far.
#[derive(Default)]
pub(super) struct Prefix {
    b: bool,
    u: bool,
    r: bool,
    f: bool,
    t: bool,
}

impl Prefix {
    /// Takes `c` if it can be the next letter of a prefix.
    fn take(&mut self, c: i32) -> bool {
        let seen = match u8::try_from(c).map(|c| c.to_ascii_lowercase()) {
            Ok(b'b') => &mut self.b,
            Ok(b'u') => &mut self.u,
            Ok(b'r') => &mut self.r,
            Ok(b'f') => &mut self.f,
            Ok(b't') => &mut self.t,
            _ => return false,
        };
        !std::mem::replace(seen, true)
    }

    fn incompatible(&self) -> Option<(char, char)> {
        let pairs = [
            (self.u && self.b, 'u', 'b'),
            (self.u && self.r, 'u', 'r'),
            (self.u && self.f, 'u', 'f'),
            (self.u && self.t, 'u', 't'),
            (self.b && self.f, 'b', 'f'),
            (self.b && self.t, 'b', 't'),
            (self.f && self.t, 'f', 't'),
        ];
        pairs.into_iter().find(|p| p.0).map(|(_, a, b)| (a, b))
    }
}

/// What a step of [`Tokenizer::get_normal_mode`] decides.
enum Step {
    /// Start over with a new line.
    NextLine,
    /// Start over on this line.
    Again,
    Token(Lexed),
}

impl<B: Buffer> Tokenizer<B> {
    pub(super) fn get_normal_mode(&mut self) -> Lexed {
        loop {
            self.start = None;
            self.starting_col_offset = -1;
            let mut blank_line = false;
            if self.atbol && let Some(token) = self.indentation(&mut blank_line) {
                return token;
            }
            self.start = Some(self.cur);
            self.starting_col_offset = self.col_offset();
            if self.pendin != 0 {
                return self.pending_indent();
            }
            let c = self.nextc();
            self.backup(c);
            loop {
                match self.one_token(blank_line) {
                    Step::Token(token) => return token,
                    Step::Again => {}
                    Step::NextLine => break,
                }
            }
        }
    }

    fn pending_indent(&mut self) -> Lexed {
        let dedent = self.pendin < 0;
        self.pendin += if dedent { 1 } else { -1 };
        let kind = if dedent { TokenKind::Dedent } else { TokenKind::Indent };
        if !self.extra_tokens {
            return Lexed { kind, extent: Extent::None };
        }
        self.token_of(kind, (if dedent { self.cur } else { self.buf }, self.cur), None)
    }

    /// Reads the white space a line begins with and compares it with the stack of indentations.
    fn indentation(&mut self, blank_line: &mut bool) -> Option<Lexed> {
        let (mut col, mut altcol, mut cont_line_col) = (0, 0, 0);
        self.atbol = false;
        let c = loop {
            match self.nextc() {
                SPACE => {
                    let more = self.rest().iter().position(|&b| b != b' ').unwrap_or(0);
                    self.cur += more;
                    col += 1 + more;
                    altcol += 1 + more;
                }
                TAB => {
                    col = (col / TAB_SIZE + 1) * TAB_SIZE;
                    altcol += 1;
                }
                FORM_FEED => (col, altcol) = (0, 0),
                BACKSLASH => {
                    // The first backslash after white space fixes the indentation of what follows.
                    cont_line_col = if cont_line_col != 0 { cont_line_col } else { col };
                    if !self.continuation_line() {
                        return Some(self.error_token());
                    }
                }
                c => break c,
            }
        };
        self.backup(c);
        if matches!(c, HASH | NEWLINE | CR) && !self.ends_interactive_block(c, &mut col, &mut altcol) {
            *blank_line = true;
        } else if self.parens.is_empty() {
            if cont_line_col != 0 {
                (col, altcol) = (cont_line_col, cont_line_col);
            }
            return self.indent_to(col, altcol);
        }
        None
    }

    /// At a prompt a line that is wholly empty ends the statement, and a first line of white space or a comment is one.
    fn ends_interactive_block(&self, c: i32, col: &mut usize, altcol: &mut usize) -> bool {
        if !self.interactive {
            return false;
        }
        if *col == 0 && c == NEWLINE {
            return true;
        }
        if self.lineno == 1 {
            (*col, *altcol) = (0, 0);
            return true;
        }
        false
    }

    fn indent_to(&mut self, col: usize, altcol: usize) -> Option<Lexed> {
        let top = |stack: &[usize]| stack.last().copied().unwrap_or(0);
        if col > top(&self.indstack) {
            if self.indent + 1 >= MAX_INDENT {
                self.done = Done::TooDeep;
                self.cur = self.inp;
                return Some(self.error_token());
            }
            if altcol <= top(&self.altindstack) {
                return Some(self.indent_error());
            }
            self.pendin += 1;
            self.indent += 1;
            self.indstack.push(col);
            self.altindstack.push(altcol);
            return None;
        }
        while self.indent > 0 && col < top(&self.indstack) {
            self.pendin -= 1;
            self.indent -= 1;
            self.indstack.pop();
            self.altindstack.pop();
        }
        if col != top(&self.indstack) {
            self.done = Done::Dedent;
            self.cur = self.inp;
            return Some(self.error_token());
        }
        (altcol != top(&self.altindstack)).then(|| self.indent_error())
    }

    /// Closes all open blocks, as the end of interactive input does.
    pub(crate) fn close_blocks(&mut self) {
        self.pendin = -(self.indent as i32);
        self.indent = 0;
        self.indstack.truncate(1);
        self.altindstack.truncate(1);
    }

    /// After a backslash: a newline and something behind it must follow.
    fn continuation_line(&mut self) -> bool {
        let mut c = self.nextc();
        if c == CR {
            c = self.nextc();
        }
        if c != NEWLINE {
            self.done = Done::LineCont;
            return false;
        }
        c = self.nextc();
        if c == EOF {
            if self.done == Done::Ok {
                self.done = Done::Eof;
            }
            self.cur = self.inp;
            return false;
        }
        self.backup(c);
        true
    }

    #[inline]
    fn one_token(&mut self, blank_line: bool) -> Step {
        self.start = None;
        let mut c = self.nextc();
        while matches!(c, SPACE | TAB | FORM_FEED) {
            c = self.nextc();
        }
        // At the end of input there is no character to stand on.
        self.start = Some(if c == EOF { self.cur.saturating_sub(1) } else { self.cur - 1 });
        self.starting_col_offset = self.col_offset() - 1;
        if c == HASH
            && let Some(token) = self.comment(&mut c, blank_line)
        {
            return Step::Token(token);
        }
        if c == EOF {
            let kind =
                if self.parens.is_empty() && self.done == Done::Eof { TokenKind::EndMarker } else { TokenKind::ErrorToken };
            return Step::Token(Lexed { kind, extent: Extent::None });
        }
        if is_char(c, classes::NAME_START) {
            return Step::Token(match self.name(c) {
                Some(name) => name,
                None => self.name_or_prefixed_string(c),
            });
        }
        if c == CR {
            c = self.nextc();
        }
        match c {
            NEWLINE => self.newline(blank_line),
            BACKSLASH => match self.continuation_line() {
                true => Step::Again,
                false => Step::Token(self.error_token()),
            },
            _ => Step::Token(self.number_string_or_operator(c)),
        }
    }

    fn newline(&mut self, blank_line: bool) -> Step {
        self.atbol = true;
        if blank_line || !self.parens.is_empty() {
            if !self.extra_tokens {
                return Step::NextLine;
            }
            self.comment_newline = false;
            return Step::Token(self.token(TokenKind::Nl));
        }
        if self.comment_newline && self.extra_tokens {
            self.comment_newline = false;
            return Step::Token(self.token(TokenKind::Nl));
        }
        let start = self.start.unwrap_or(self.cur);
        let end = self.cur - 1;
        Step::Token(self.token_of(TokenKind::Newline, (start.min(end), end), None))
    }

    /// Reads a comment. `c` becomes the character behind it; a token results if comments are wanted.
    fn comment(&mut self, c: &mut i32, blank_line: bool) -> Option<Lexed> {
        let rest = self.rest();
        self.cur += memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        while !matches!(*c, EOF | NEWLINE | CR) {
            *c = self.nextc();
        }
        if self.type_comments && let Some(token) = self.type_comment(*c, blank_line) {
            return Some(token);
        }
        if !self.extra_tokens {
            return None;
        }
        self.backup(*c);
        self.comment_newline = blank_line;
        Some(self.token(TokenKind::Comment))
    }

    fn type_comment(&mut self, c: i32, blank_line: bool) -> Option<Lexed> {
        let start = self.start?;
        let end = if c == EOF { self.cur } else { self.cur - 1 };
        let comment = &self.source.bytes()[start..end];
        let skip_blanks = |s: &[u8]| s.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let mut at = 1;
        at += skip_blanks(&comment[at..]);
        if !comment[at..].starts_with(b"type:") {
            return None;
        }
        at += 5;
        at += skip_blanks(&comment[at..]);
        let rest = &comment[at..];
        let ignore = rest.starts_with(b"ignore") && !rest.get(6).is_some_and(|b| *b >= 128 || b.is_ascii_alphanumeric());
        self.backup(c);
        let (kind, from) = if ignore { (TokenKind::TypeIgnore, at + 6) } else { (TokenKind::TypeComment, at) };
        let cols = (self.starting_col_offset + from as i32, self.col_offset());
        let span = (start + from, self.cur);
        if ignore && blank_line {
            // Alone on its line: the newline goes with it.
            self.nextc();
            self.atbol = true;
        }
        Some(self.token_of(kind, span, Some(cols)))
    }

    /// The name that begins with `c`, if it ends on this line and no quote follows, which would make it a prefix.
    #[inline]
    fn name(&mut self, c: i32) -> Option<Lexed> {
        let mut seen = c as u8;
        let mut len = 0;
        let next = loop {
            let b = *self.rest().get(len)?;
            if !classes::is(b, classes::NAME) {
                break b;
            }
            seen |= b;
            len += 1;
        };
        if matches!(next, b'"' | b'\'') {
            return None;
        }
        self.cur += len;
        self.ascii_name = seen.is_ascii();
        if !self.ascii_name && !self.verify_identifier() {
            return Some(self.error_token());
        }
        Some(self.token(TokenKind::Name))
    }

    fn name_or_prefixed_string(&mut self, mut c: i32) -> Lexed {
        let mut prefix = Prefix::default();
        while prefix.take(c) {
            c = self.nextc();
            if c == i32::from(b'"') || c == i32::from(b'\'') {
                if let Some((a, b)) = prefix.incompatible() {
                    let from = self.start.unwrap_or(self.line_start) + 1 - self.line_start;
                    let to = self.cur - self.line_start;
                    return self
                        .syntax_error_range(format!("'{a}' and '{b}' prefixes are incompatible"), Some((from, to)));
                }
                return if prefix.f || prefix.t { self.fstring_start(c, prefix.t, prefix.r) } else { self.string(c) };
            }
        }
        let mut non_ascii = false;
        while is_identifier_char(c) {
            non_ascii |= c >= 128;
            c = self.nextc();
        }
        self.backup(c);
        self.ascii_name = !non_ascii;
        if non_ascii && !self.verify_identifier() {
            return self.error_token();
        }
        self.token(TokenKind::Name)
    }

    /// PEP 3131: the first character that cannot stand in an identifier is an error.
    fn verify_identifier(&mut self) -> bool {
        if self.extra_tokens {
            return true;
        }
        let start = self.start.unwrap_or(self.cur);
        let Ok(name) = std::str::from_utf8(&self.source.bytes()[start..self.cur]) else {
            self.syntax_error("invalid non-UTF-8 identifier".to_owned());
            return false;
        };
        let bad = name.char_indices().find(|&(i, ch)| {
            let c = u32::from(ch);
            if i == 0 { !krait_unicode::is_identifier_start(c) } else { !krait_unicode::is_xid_continue(c) }
        });
        let Some((i, ch)) = bad else { return true };
        self.cur = start + i + ch.len_utf8();
        let message = if krait_unicode::is_printable(u32::from(ch)) {
            format!("invalid character '{ch}' (U+{:04X})", u32::from(ch))
        } else {
            format!("invalid non-printable character U+{:04X}", u32::from(ch))
        };
        self.syntax_error(message);
        false
    }

    #[inline]
    fn number_string_or_operator(&mut self, c: i32) -> Lexed {
        if c == i32::from(b'.') {
            return self.dot();
        }
        if is_digit(c) {
            return match self.whole_number(c) {
                Some(number) => number,
                None => self.number(c),
            };
        }
        if c == i32::from(b'"') || c == i32::from(b'\'') {
            return self.string(c);
        }
        let Ok(c) = u8::try_from(c) else { return self.error_token() };
        let next = self.rest().first().copied();
        let not_equal = c == b'!' && next == Some(b'=');
        if !self.modes.is_empty() && matches!(c, b':' | b'}' | b'!' | b'{') && !not_equal && self.fstring_punctuation(c) {
            return self.token(TokenKind::one_char(c));
        }
        if next.is_none_or(|next| classes::is(next, classes::SECOND))
            && let Some(kind) = self.long_operator(c)
        {
            return self.token(kind);
        }
        let checked = match c {
            b'(' | b'[' | b'{' => self.open(c),
            b')' | b']' | b'}' => self.close(c),
            _ => Ok(()),
        };
        if let Err(message) = checked {
            return self.syntax_error(message);
        }
        if !(b' '..0x7f).contains(&c) {
            return self.syntax_error(format!("invalid non-printable character U+{c:04X}"));
        }
        if c == b'='
            && let Some(mode) = self.modes.last_mut()
            && mode.curly_bracket_depth - mode.curly_bracket_expr_start_depth == 1
        {
            mode.in_debug = true;
        }
        self.token(TokenKind::one_char(c))
    }

    /// The rest of an operator of two or three characters that begins with `c`; reads nothing if there is none.
    fn long_operator(&mut self, c: u8) -> Option<TokenKind> {
        let c2 = self.nextc();
        let two = u8::try_from(c2).ok().filter(|&c2| (c, c2) != (b'<', b'>') || self.barry_as_bdfl);
        let Some(two) = two.and_then(|c2| TokenKind::two_chars(c, c2)) else {
            self.backup(c2);
            return None;
        };
        let c3 = self.nextc();
        let three = u8::try_from(c3).ok().and_then(|c3| TokenKind::three_chars(c, c2 as u8, c3));
        if three.is_none() {
            self.backup(c3);
        }
        Some(three.unwrap_or(two))
    }

    #[inline]
    fn dot(&mut self) -> Lexed {
        const DOT: i32 = b'.' as i32;
        if self.rest().first().is_some_and(|&b| b != b'.' && !classes::is(b, classes::DIGIT)) {
            return self.token(TokenKind::Dot);
        }
        let c = self.nextc();
        if is_digit(c) {
            return self.fraction(c);
        }
        if c == DOT {
            let c = self.nextc();
            if c == DOT {
                return self.token(TokenKind::Ellipsis);
            }
            self.backup(c);
            self.backup(DOT);
        } else {
            self.backup(c);
        }
        self.token(TokenKind::Dot)
    }

    fn open(&mut self, c: u8) -> Result<(), String> {
        if self.parens.len() >= MAX_LEVEL {
            return Err("too many nested parentheses".to_owned());
        }
        let col = self.start.unwrap_or(self.cur) as i64 - self.line_start as i64;
        self.parens.push(Paren { opening: c, lineno: self.lineno, col: col as i32 });
        if let Some(mode) = self.modes.last_mut() {
            mode.curly_bracket_depth += 1;
        }
        Ok(())
    }

    fn close(&mut self, c: u8) -> Result<(), String> {
        let ch = char::from(c);
        if let Some(mode) = self.modes.last()
            && mode.curly_bracket_depth == 0
            && c == b'}'
        {
            return Err(format!("{}-string: single '}}' is not allowed", mode.prefix()));
        }
        if !self.extra_tokens && self.parens.is_empty() {
            return Err(format!("unmatched '{ch}'"));
        }
        if let Some(paren) = self.parens.pop()
            && !self.extra_tokens
            && !matches!((paren.opening, c), (b'(', b')') | (b'[', b']') | (b'{', b'}'))
        {
            // In f"{)}" the opening bracket is the field's own: then the closing one is unmatched.
            if let Some(mode) = self.modes.last()
                && paren.opening == b'{'
                && mode.curly_bracket_depth - 1 == mode.curly_bracket_expr_start_depth
            {
                return Err(format!("{}-string: unmatched '{ch}'", mode.prefix()));
            }
            let opening = char::from(paren.opening);
            let at_line = if paren.lineno == self.lineno { String::new() } else { format!(" on line {}", paren.lineno) };
            return Err(format!("closing parenthesis '{ch}' does not match opening parenthesis '{opening}'{at_line}"));
        }
        if let Some(mode) = self.modes.last_mut() {
            mode.curly_bracket_depth -= 1;
            if mode.curly_bracket_depth < 0 {
                return Err(format!("{}-string: unmatched '{ch}'", mode.prefix()));
            }
            if c == b'}' && mode.curly_bracket_depth == mode.curly_bracket_expr_start_depth {
                mode.curly_bracket_expr_start_depth -= 1;
                mode.regular = false;
                mode.in_format_spec = false;
                mode.in_debug = false;
            }
        }
        Ok(())
    }
}
