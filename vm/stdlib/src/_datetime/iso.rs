//! Reading ISO 8601 dates and times.
//!
//! Texts are read as bytes of UTF-8; what lies behind their end reads as 0, which is no character of any form.

use super::calendar;

/// A text to read, from left to right.
#[derive(Clone, Copy)]
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

/// Why a text is no date or time; there is but one message for all.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

impl<'a> Reader<'a> {
    fn new(text: &'a [u8], at: usize) -> Reader<'a> {
        Reader { text, at }
    }

    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn next(&mut self) -> u8 {
        let c = self.peek();
        self.at += 1;
        c
    }

    fn digits(&mut self, count: usize) -> Result<i32, Malformed> {
        let mut value = 0;
        for _ in 0..count {
            let c = self.next();
            if !c.is_ascii_digit() {
                return Err(Malformed);
            }
            value = value * 10 + i32::from(c - b'0');
        }
        Ok(value)
    }
}

/// Year, month and day of a text that is a date up to `len`. Month and day may be out of range.
pub fn date(text: &[u8], len: usize) -> Result<(i32, i32, i32), Malformed> {
    let mut r = Reader::new(text, 0);
    let year = r.digits(4)?;
    let dashes = r.peek() == b'-';
    if dashes {
        r.at += 1;
    }
    if r.peek() == b'W' {
        r.at += 1;
        let week = r.digits(2)?;
        let mut day = 1;
        if r.at < len {
            if dashes && r.next() != b'-' {
                return Err(Malformed);
            }
            day = r.digits(1)?;
        }
        return calendar::from_iso_calendar(year, week, day).map_err(|_| Malformed);
    }
    let month = r.digits(2)?;
    if dashes && r.next() != b'-' {
        return Err(Malformed);
    }
    Ok((year, month, r.digits(2)?))
}

/// Hours, minutes, seconds and microseconds as they stand.
pub type Clock = (i32, i32, i32, i32);

/// Reads `HH[:MM[:SS[.ffffff]]]`, or the same without colons, up to `end`; true if that is not the end of the text.
fn clock(text: &[u8], start: usize, end: usize) -> Result<(Clock, bool), Malformed> {
    let mut r = Reader::new(text, start);
    let mut fields = [0; 3];
    let mut colons = true;
    for i in 0..3 {
        fields[i] = r.digits(2)?;
        let c = r.next();
        if i == 0 {
            colons = c == b':';
        }
        if r.at >= end {
            if r.at == end && c != 0 {
                // Nothing follows the separator.
                return Err(Malformed);
            }
            let [h, m, s] = fields;
            return Ok(((h, m, s, 0), c != 0));
        }
        match c {
            b':' if colons && i < 2 => {}
            // A fraction only of seconds.
            b'.' | b',' if i == 2 => break,
            b'.' | b',' => return Err(Malformed),
            _ if !colons => r.at -= 1,
            _ => return Err(Malformed),
        }
    }
    let count = end.saturating_sub(r.at).min(6);
    if !r.peek().is_ascii_digit() {
        return Err(Malformed);
    }
    let us = r.digits(count)? * 10i32.pow(6 - count as u32);
    while r.peek().is_ascii_digit() {
        r.at += 1;
    }
    let [h, m, s] = fields;
    Ok(((h, m, s, us), r.peek() != 0))
}

/// A time of day, and the offset from UTC in seconds and microseconds if there is one.
pub fn time(text: &[u8]) -> Result<(Clock, Option<(i32, i32)>), Malformed> {
    let zone = text.iter().position(|c| matches!(c, b'Z' | b'+' | b'-'));
    let (fields, more) = clock(text, 0, zone.unwrap_or(text.len()))?;
    let Some(zone) = zone else { return if more { Err(Malformed) } else { Ok((fields, None)) } };
    let sign = match text.get(zone) {
        Some(b'Z') if text.len() > zone + 1 => return Err(Malformed),
        Some(b'Z') => return Ok((fields, Some((0, 0)))),
        Some(b'-') => -1,
        _ => 1,
    };
    let ((h, m, s, us), more) = clock(text, zone + 1, text.len())?;
    if more { Err(Malformed) } else { Ok((fields, Some((sign * (h * 3_600 + m * 60 + s), sign * us)))) }
}

/// Where the date ends in the text of a date and time, which has at least seven bytes. The forms of dates can be told apart by the fifth and
/// sixth character, except that weeks may come with or without a weekday.
pub fn separator(text: &[u8]) -> Result<usize, Malformed> {
    let at = |i: usize| text.get(i).copied().unwrap_or(0);
    let len = text.len();
    if len == 7 {
        return Ok(7);
    }
    if at(4) == b'-' {
        return match (at(5), at(8)) {
            (b'W', _) if len < 8 => Err(Malformed),
            (b'W', b'-') if len == 9 => Err(Malformed),
            // YYYY-Www-## : a dash between week and hour is likelier than a digit between weekday and hour.
            (b'W', b'-') if at(10).is_ascii_digit() => Ok(8),
            (b'W', b'-') => Ok(10),
            (b'W', _) => Ok(8),
            _ => Ok(10),
        };
    }
    if at(4) == b'W' {
        // What follows YYYYWww is a weekday if that makes the number of digits up to the next other character odd.
        let digits = text.get(7..).unwrap_or_default().iter().take_while(|c| c.is_ascii_digit()).count();
        return Ok(match digits {
            0 => 7,
            1 => 8,
            n if (7 + n) % 2 == 0 => 7,
            _ => 8,
        });
    }
    Ok(8)
}

/// Length of the UTF-8 character at the head of a text.
pub fn char_len(first: u8) -> usize {
    match first {
        0..0x80 => 1,
        0xf0.. => 4,
        0xe0.. => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read() {
        let cases = [
            ("2020-01-02", Ok((2020, 1, 2))),
            ("20200102", Ok((2020, 1, 2))),
            ("2020-W01", Ok((2019, 12, 30))),
            ("2020W012", Ok((2019, 12, 31))),
            ("2020-W01-2", Ok((2019, 12, 31))),
            ("2020-0102", Err(Malformed)),
            ("2020-W54-1", Err(Malformed)),
            ("202a0102", Err(Malformed)),
            ("", Err(Malformed)),
        ];
        for (text, want) in cases {
            assert_eq!(date(text.as_bytes(), text.len()), want, "{text}");
        }
    }

    #[test]
    fn times_are_read() {
        let cases = [
            ("12", Ok(((12, 0, 0, 0), None))),
            ("1234", Ok(((12, 34, 0, 0), None))),
            ("12:34:56.7", Ok(((12, 34, 56, 700_000), None))),
            ("123456,1234567", Ok(((12, 34, 56, 123_456), None))),
            ("12Z", Ok(((12, 0, 0, 0), Some((0, 0))))),
            ("12:00-01:30", Ok(((12, 0, 0, 0), Some((-5_400, 0))))),
            ("12:0000", Err(Malformed)),
            ("12:00.5", Err(Malformed)),
            ("12:00:00.", Err(Malformed)),
            ("12:00:00.Z", Err(Malformed)),
            ("12:00:00:5", Err(Malformed)),
            ("12:00:00,+05:00", Err(Malformed)),
            ("12Z1", Err(Malformed)),
            ("", Err(Malformed)),
        ];
        for (text, want) in cases {
            assert_eq!(time(text.as_bytes()), want, "{text}");
        }
    }
}
