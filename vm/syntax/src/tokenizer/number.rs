//! Number tokens and what may not follow them.

use super::classes;
use super::normal::{is_digit, is_identifier_char};
use super::{Buffer, EOF, Lexed, Tokenizer};
use crate::token::TokenKind;

/// The error was reported.
struct Reported;

fn is(c: i32, letters: &[u8]) -> bool {
    u8::try_from(c).is_ok_and(|c| letters.contains(&c))
}

impl<B: Buffer> Tokenizer<B> {
    /// The number of decimal digits alone that begins with `c`, if it is one and ends on this line.
    #[inline]
    pub(super) fn whole_number(&mut self, c: i32) -> Option<Lexed> {
        let rest = self.rest();
        let len = classes::while_in(rest, classes::DIGIT);
        if classes::is(*rest.get(len)?, classes::NUMBER_MORE) || c == i32::from(b'0') && len > 0 {
            return None;
        }
        self.cur += len;
        Some(self.token(TokenKind::Number))
    }

    /// The number that begins with the digit `c`.
    pub(super) fn number(&mut self, c: i32) -> Lexed {
        let result = if c == i32::from(b'0') { self.zero_number() } else { self.decimal() };
        self.number_token(result)
    }

    /// The number that begins with a point and the digit `c`.
    pub(super) fn fraction(&mut self, c: i32) -> Lexed {
        let result = self.after_point(c);
        self.number_token(result)
    }

    fn number_token(&mut self, result: Result<(), Reported>) -> Lexed {
        match result {
            Ok(()) => self.token(TokenKind::Number),
            Err(Reported) => self.error_token(),
        }
    }

    fn fail(&mut self, message: String) -> Result<(), Reported> {
        self.syntax_error(message);
        Err(Reported)
    }

    fn zero_number(&mut self) -> Result<(), Reported> {
        let c = self.nextc();
        if is(c, b"xX") {
            return self.radix(16, "hexadecimal");
        }
        if is(c, b"oO") {
            return self.radix(8, "octal");
        }
        if is(c, b"bB") {
            return self.radix(2, "binary");
        }
        self.leading_zeros(c)
    }

    fn radix(&mut self, radix: u32, kind: &str) -> Result<(), Reported> {
        let valid = |c: i32| u8::try_from(c).is_ok_and(|c| char::from(c).is_digit(radix));
        let mut c = self.nextc();
        loop {
            if is(c, b"_") {
                c = self.nextc();
            }
            if !valid(c) {
                if is_digit(c) {
                    return self.fail(format!("invalid digit '{}' in {kind} literal", char::from(c as u8)));
                }
                self.backup(c);
                return self.fail(format!("invalid {kind} literal"));
            }
            while valid(c) {
                c = self.nextc();
            }
            if !is(c, b"_") {
                break;
            }
        }
        if is_digit(c) {
            return self.fail(format!("invalid digit '{}' in {kind} literal", char::from(c as u8)));
        }
        self.end_of_number(c, kind)
    }

    fn leading_zeros(&mut self, mut c: i32) -> Result<(), Reported> {
        loop {
            if is(c, b"_") {
                c = self.nextc();
                if !is_digit(c) {
                    self.backup(c);
                    return self.fail("invalid decimal literal".to_owned());
                }
            }
            if !is(c, b"0") {
                break;
            }
            c = self.nextc();
        }
        let zeros_end = self.cur;
        let nonzero = is_digit(c);
        if nonzero {
            c = self.decimal_tail()?;
        }
        if is(c, b".") {
            let c = self.nextc();
            return self.after_point(c);
        }
        if is(c, b"eE") {
            return self.exponent(c);
        }
        if is(c, b"jJ") {
            return self.imaginary();
        }
        if nonzero && !self.extra_tokens {
            self.backup(c);
            let from = self.start.unwrap_or(self.line_start) + 1 - self.line_start;
            let message =
                "leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers";
            self.syntax_error_range(message.to_owned(), Some((from, zeros_end - self.line_start)));
            return Err(Reported);
        }
        self.end_of_number(c, "decimal")
    }

    fn decimal(&mut self) -> Result<(), Reported> {
        let c = self.decimal_tail()?;
        if is(c, b".") {
            let c = self.nextc();
            return self.after_point(c);
        }
        self.after_digits(c)
    }

    fn after_point(&mut self, mut c: i32) -> Result<(), Reported> {
        if is_digit(c) {
            c = self.decimal_tail()?;
        }
        self.after_digits(c)
    }

    fn after_digits(&mut self, c: i32) -> Result<(), Reported> {
        if is(c, b"eE") { self.exponent(c) } else { self.after_exponent(c) }
    }

    fn exponent(&mut self, e: i32) -> Result<(), Reported> {
        let mut c = self.nextc();
        if is(c, b"+-") {
            c = self.nextc();
            if !is_digit(c) {
                self.backup(c);
                return self.fail("invalid decimal literal".to_owned());
            }
        } else if !is_digit(c) {
            self.backup(c);
            self.verify_end_of_number(e, "decimal")?;
            self.backup(e);
            return Ok(());
        }
        c = self.decimal_tail()?;
        self.after_exponent(c)
    }

    fn after_exponent(&mut self, c: i32) -> Result<(), Reported> {
        if is(c, b"jJ") { self.imaginary() } else { self.end_of_number(c, "decimal") }
    }

    fn imaginary(&mut self) -> Result<(), Reported> {
        let c = self.nextc();
        self.end_of_number(c, "imaginary")
    }

    fn end_of_number(&mut self, c: i32, kind: &str) -> Result<(), Reported> {
        self.verify_end_of_number(c, kind)?;
        self.backup(c);
        Ok(())
    }

    /// Digits with single underscores between; returns the character behind.
    fn decimal_tail(&mut self) -> Result<i32, Reported> {
        loop {
            let mut c = self.nextc();
            while is_digit(c) {
                c = self.nextc();
            }
            if !is(c, b"_") {
                return Ok(c);
            }
            c = self.nextc();
            if !is_digit(c) {
                self.backup(c);
                self.syntax_error("invalid decimal literal".to_owned());
                return Err(Reported);
            }
        }
    }

    /// A keyword may follow at once, with a warning; any other name may not.
    fn verify_end_of_number(&mut self, c: i32, kind: &str) -> Result<(), Reported> {
        if self.extra_tokens {
            return Ok(());
        }
        let keyword = match u8::try_from(c) {
            Ok(b'a') => self.lookahead(b"nd"),
            Ok(b'e') => self.lookahead(b"lse"),
            Ok(b'f') => self.lookahead(b"or"),
            Ok(b'i') => {
                let c2 = self.nextc();
                self.backup(c2);
                is(c2, b"fns")
            }
            Ok(b'o') => self.lookahead(b"r"),
            Ok(b'n') => self.lookahead(b"ot"),
            _ => false,
        };
        if keyword {
            self.backup(c);
            self.warn(format!("invalid {kind} literal"));
            self.nextc();
        } else if c < 128 && is_identifier_char(c) {
            self.backup(c);
            return self.fail(format!("invalid {kind} literal"));
        }
        Ok(())
    }

    /// Whether `rest` and then no identifier character comes next; reads nothing.
    fn lookahead(&mut self, rest: &[u8]) -> bool {
        let from = self.cur;
        let matched = rest.iter().all(|&b| self.nextc() == i32::from(b));
        let found = matched && {
            let c = self.nextc();
            c == EOF || !is_identifier_char(c)
        };
        self.cur = from;
        found
    }
}
