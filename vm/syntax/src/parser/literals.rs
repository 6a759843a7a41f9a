//! Number and string literals: from token text to constants.

use super::*;
use crate::error::{ErrorKind, WarningCategory};
use krait_unicode::TextBuf;
use num_bigint::BigInt;
use num_traits::{Num, Pow, ToPrimitive};

pub(super) fn number<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let token = p.peek()?;
    if token.kind != TokenKind::Number {
        return Err(NoMatch);
    }
    p.mark += 1;
    if let Some(value) = small_decimal(token.text.as_bytes()) {
        return Ok(p.expr(token.range, ExprKind::Constant { value: Constant::Int(value), kind: None }));
    }
    if p.options.feature_version < 6 && token.text.contains('_') {
        return Err(p.raise_syntax_error("Underscores in numeric literals are only supported in Python 3.6 and greater"));
    }
    let digits: std::borrow::Cow<str> =
        if token.text.contains('_') { token.text.replace('_', "").into() } else { token.text.into() };
    let value = parse_number(p, &digits, token.range)?;
    Ok(p.expr(token.range, ExprKind::Constant { value, kind: None }))
}

/// A number of decimal digits alone that cannot overflow.
#[inline]
fn small_decimal(digits: &[u8]) -> Option<i64> {
    if digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
}

fn parse_number<'a>(p: &mut Parser<'a>, text: &str, range: Range) -> R<Constant<'a>> {
    let bytes = text.as_bytes();
    let radix = match bytes {
        [b'0', b'x' | b'X', ..] => 16,
        [b'0', b'o' | b'O', ..] => 8,
        [b'0', b'b' | b'B', ..] => 2,
        _ => 10,
    };
    if radix != 10 {
        let digits = &text[2..];
        return Ok(match i64::from_str_radix(digits, radix) {
            Ok(i) => Constant::Int(i),
            Err(_) => big(p, BigInt::from_str_radix(digits, radix).unwrap_or_default()),
        });
    }
    if let Some(imag) = text.strip_suffix(['j', 'J']) {
        return Ok(Constant::Complex { real: 0.0, imag: parse_float(imag) });
    }
    if bytes.iter().any(|b| matches!(b, b'.' | b'e' | b'E')) {
        return Ok(Constant::Float(parse_float(text)));
    }
    if let Ok(i) = text.parse() {
        return Ok(Constant::Int(i));
    }
    let digits = text.trim_start_matches('0');
    let limit = p.options.int_max_str_digits;
    if limit > 0 && text.len() > limit {
        let message = format!(
            "Exceeds the limit ({limit} digits) for integer string conversion: value has {} digits; use \
             sys.set_int_max_str_digits() to increase the limit - Consider hexadecimal for huge integer literals to \
             avoid decimal conversion limits.",
            text.len()
        );
        let range = Range { col_offset: 0, end_col_offset: 0, ..range };
        return Err(p.raise_known(ErrorKind::SyntaxError, range, message));
    }
    Ok(big(p, decimal(digits)))
}

fn parse_float(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

fn big<'a>(p: &Parser<'a>, value: BigInt) -> Constant<'a> {
    match value.to_i64() {
        Some(i) => Constant::Int(i),
        None => Constant::BigInt(p.arena.alloc(value)),
    }
}

/// A decimal number by halving, so that the cost is that of multiplication.
fn decimal(digits: &str) -> BigInt {
    if digits.len() <= 1000 {
        return BigInt::from_str_radix(digits, 10).unwrap_or_default();
    }
    let low = digits.len() / 2;
    let (high, rest) = digits.split_at(digits.len() - low);
    decimal(high) * BigInt::from(10).pow(low) + decimal(rest)
}

/// The value of a `STRING` token.
pub(super) fn string<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let index = p.expect(TokenKind::String)?.index;
    let token = p.tokens[index];
    let quote = token.text.find(['"', '\'']).unwrap_or(0);
    let (prefix, rest) = token.text.split_at(quote);
    let is_bytes = prefix.contains(['b', 'B']);
    let is_raw = prefix.contains(['r', 'R']);
    let width = if rest.len() >= 6 && (rest.starts_with("'''") || rest.starts_with("\"\"\"")) { 3 } else { 1 };
    let body = rest.get(width..rest.len() - width).unwrap_or("");
    let is_raw = is_raw || !body.contains('\\');
    let value = if is_bytes {
        if !body.is_ascii() {
            return Err(p.raise_at(token.range, "bytes can only contain ASCII literal characters"));
        }
        if is_raw { Constant::Bytes(body.as_bytes()) } else { Constant::Bytes(decode_bytes(p, body, &token)?) }
    } else if is_raw {
        Constant::Str(Text::new(body))
    } else {
        Constant::Str(decode_string(p, body, &token)?)
    };
    let kind = token.text.starts_with('u').then(|| Text::new("u"));
    Ok(p.expr(token.range, ExprKind::Constant { value, kind }))
}

/// The text of an escaped literal, which is part of `token`.
pub(super) fn decode_string<'a>(p: &mut Parser<'a>, body: &'a str, token: &Token<'a>) -> R<&'a Text> {
    match decode_escapes(p, body, token) {
        Ok(text) => Ok(text),
        Err(e) => Err(p.raise_syntax_error(format!("(unicode error) {}", e.message()))),
    }
}

/// The same for a format specification, where CPython lets the codec's own error out.
pub(super) fn decode_format_spec<'a>(p: &mut Parser<'a>, body: &'a str, token: &Token<'a>) -> R<&'a Text> {
    match decode_escapes(p, body, token) {
        Ok(text) => Ok(text),
        Err(e) => {
            let stop = p.raise_at(token.range, e.message());
            if let Some(error) = &mut p.error {
                error.kind = ErrorKind::UnicodeDecodeError;
            }
            Err(stop)
        }
    }
}

/// What is wrong with an escape, and where in the codec's input.
struct BadEscape {
    start: usize,
    end: usize,
    what: &'static str,
}

impl BadEscape {
    fn message(&self) -> String {
        if self.end == self.start + 1 {
            return format!("'unicodeescape' codec can't decode byte 0x5c in position {}: {}", self.start, self.what);
        }
        format!(
            "'unicodeescape' codec can't decode bytes in position {}-{}: {}",
            self.start,
            self.end.saturating_sub(1),
            self.what
        )
    }
}

/// Length of `text` as the codec sees it: everything that is not ASCII has been written as `\UXXXXXXXX`.
fn codec_len(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { 10 }).sum()
}

fn decode_escapes<'a>(p: &mut Parser<'a>, body: &'a str, token: &Token<'a>) -> Result<&'a Text, BadEscape> {
    let mut out = TextBuf::new();
    let mut rest = body;
    let mut invalid = None;
    // Position in the codec's input; only needed for errors, so it is worked out on demand.
    while let Some(i) = rest.find('\\') {
        out.push_str(&rest[..i]);
        let at = body.len() - rest.len() + i;
        let escape = &rest[i + 1..];
        let Some(c) = escape.chars().next() else {
            out.push_str("\\");
            rest = "";
            break;
        };
        rest = &escape[c.len_utf8()..];
        match simple_escape(c) {
            Some(Some(value)) => out.push(u32::from(value)),
            Some(None) => {}
            None if c.is_digit(8) => {
                let (value, len) = octal(escape);
                rest = &escape[len..];
                if value > 0o377 {
                    invalid.get_or_insert((at + 1, len));
                }
                out.push(value);
            }
            None if matches!(c, 'x' | 'u' | 'U') => {
                let (value, len) = hex_escape(escape, c).map_err(|(end, what)| {
                    let start = codec_len(&body[..at]);
                    BadEscape { start, end: start + 1 + end, what }
                })?;
                rest = &escape[len..];
                out.push(value);
            }
            None if c == 'N' => {
                let (value, len) = named_escape(p.options.lookup_name, escape).map_err(|(end, what)| {
                    let start = codec_len(&body[..at]);
                    BadEscape { start, end: start + 1 + codec_len(&escape[..end]), what }
                })?;
                rest = &escape[len..];
                out.push(value);
            }
            None => {
                // A backslash before a character outside ASCII is taken for `\\`, without a warning.
                if c.is_ascii() {
                    invalid.get_or_insert((at + 1, 1));
                }
                out.push_str("\\");
                rest = escape;
                if c.is_ascii() {
                    out.push(u32::from(c));
                    rest = &escape[1..];
                }
            }
        }
    }
    out.push_str(rest);
    if let Some((at, len)) = invalid {
        warn_invalid_escape_sequence(p, body, at, len, token);
    }
    Ok(alloc_text(p, out))
}

/// Copies `text` into the arena.
pub(super) fn alloc_text<'a>(p: &Parser<'a>, text: TextBuf) -> &'a Text {
    match text.as_str() {
        Some(s) => Text::new(p.arena.alloc_str(s)),
        // Lone surrogates are rare; the buffer moves as it is.
        None => {
            let text: &'a TextBuf = p.arena.alloc(text);
            text
        }
    }
}

/// Escapes of one character: its value; `None` in `Some` for a line continuation.
fn simple_escape(c: char) -> Option<Option<char>> {
    Some(Some(match c {
        '\n' => return Some(None),
        '\\' | '\'' | '"' => c,
        'b' => '\x08',
        'f' => '\x0c',
        't' => '\t',
        'n' => '\n',
        'r' => '\r',
        'v' => '\x0b',
        'a' => '\x07',
        _ => return None,
    }))
}

/// Up to three octal digits: value and count.
fn octal(s: &str) -> (u32, usize) {
    let len = s.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
    (u32::from_str_radix(&s[..len], 8).unwrap_or(0), len)
}

/// `xHH`, `uHHHH`, `UHHHHHHHH`: the value and the length, or the length up to the mistake.
fn hex_escape(s: &str, kind: char) -> Result<(u32, usize), (usize, &'static str)> {
    let (want, what) = match kind {
        'x' => (2, "truncated \\xXX escape"),
        'u' => (4, "truncated \\uXXXX escape"),
        _ => (8, "truncated \\UXXXXXXXX escape"),
    };
    let len = s.bytes().skip(1).take(want).take_while(u8::is_ascii_hexdigit).count();
    if len < want {
        return Err((1 + len, what));
    }
    match u32::from_str_radix(&s[1..=len], 16) {
        Ok(value) if value <= 0x0010_ffff => Ok((value, 1 + len)),
        _ => Err((1 + len, "illegal Unicode character")),
    }
}

/// `N{name}`: the value and the length, or the length up to the mistake.
fn named_escape(lookup: fn(&str) -> Option<u32>, s: &str) -> Result<(u32, usize), (usize, &'static str)> {
    const MALFORMED: &str = "malformed \\N character escape";
    let Some(name) = s[1..].strip_prefix('{') else { return Err((1, MALFORMED)) };
    match name.find('}') {
        None => Err((s.len(), MALFORMED)),
        Some(0) => Err((2, MALFORMED)),
        Some(len) => match lookup(&name[..len]) {
            Some(value) => Ok((value, 3 + len)),
            None => Err((3 + len, "unknown Unicode character name")),
        },
    }
}

fn decode_bytes<'a>(p: &mut Parser<'a>, body: &'a str, token: &Token<'a>) -> R<&'a [u8]> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    let mut invalid = None;
    while let Some(i) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..i]);
        let at = body.len() - rest.len() + i;
        let escape = &rest[i + 1..];
        let Some(c) = escape.chars().next() else {
            rest = &rest[i..];
            break;
        };
        rest = &escape[1..];
        match simple_escape(c) {
            Some(Some(value)) => out.push(value as u8),
            Some(None) => {}
            None if c.is_digit(8) => {
                let (value, len) = octal(escape);
                rest = &escape[len..];
                if value > 0o377 {
                    invalid.get_or_insert((at + 1, len));
                }
                out.push(value as u8);
            }
            None if c == 'x' => match hex_escape(escape, 'x') {
                Ok((value, len)) => {
                    rest = &escape[len..];
                    out.push(value as u8);
                }
                Err(_) => {
                    let message = format!("(value error) invalid \\x escape at position {at}");
                    return Err(p.raise_syntax_error(message));
                }
            },
            None => {
                invalid.get_or_insert((at + 1, 1));
                out.push(b'\\');
                rest = escape;
                out.push(c as u8);
                rest = &rest[1..];
            }
        }
    }
    out.extend_from_slice(rest.as_bytes());
    if let Some((at, len)) = invalid {
        warn_invalid_escape_sequence(p, body, at, len, token);
    }
    Ok(p.slice(&out))
}

/// Warns of the escape whose character behind the backslash is at `at` in `body`.
fn warn_invalid_escape_sequence(p: &mut Parser, body: &str, at: usize, len: usize, token: &Token) {
    use TokenKind::{FStringEnd, FStringMiddle, TStringEnd, TStringMiddle};
    // The first pass has warned of what the second one reads again, but not of what it reads while its rules for mistakes rest.
    if p.call_invalid_rules {
        return;
    }
    p.warnings.append(&mut p.tok.warnings);
    let c = &body[at..at + 1];
    if matches!(token.kind, FStringMiddle | FStringEnd | TStringMiddle | TStringEnd) && matches!(c, "{" | "}") {
        // The tokenizer has already warned.
        return;
    }
    let message = if body[at..].starts_with(['4', '5', '6', '7']) {
        let digits = &body[at..at + len];
        format!(
            "\"\\{digits}\" is an invalid octal escape sequence. Such sequences will not work in the future. Did you \
             mean \"\\\\{digits}\"? A raw string is also an option."
        )
    } else {
        crate::tokenizer::invalid_escape_message(c.chars().next().unwrap_or('?'))
    };
    let before = &body[..at];
    let newlines = before.matches('\n').count() as i32;
    let lineno = token.range.lineno + newlines;
    // CPython counts in the codec's input, where other characters than ASCII are longer.
    let col = match before.rfind('\n') {
        Some(i) => codec_len(&before[i + 1..]) as i32,
        None => token.range.col_offset + codec_len(before) as i32 + leading_quotes(token.text),
    };
    let (offset, end_offset) = p.char_offsets(lineno, col, col + 2);
    let category =
        if p.options.feature_version >= 12 { WarningCategory::SyntaxWarning } else { WarningCategory::DeprecationWarning };
    p.warnings.push(SyntaxWarning { category, message, lineno, offset, end_lineno: lineno, end_offset });
}

/// How many quotes a token begins with.
fn leading_quotes(text: &str) -> i32 {
    let first = text.bytes().next().filter(|b| matches!(b, b'"' | b'\''));
    first.map_or(0, |q| text.bytes().take_while(|&b| b == q).count()) as i32
}
