//! What a time zone does behind its last recorded transition: the TZ string of POSIX (section 8.3 of IEEE Std 1003.1-2018), with the hours of
//! transitions from -167 to 167 that RFC 8536 allows.

use crate::_datetime::calendar::{EPOCH_ORDINAL, days_in_month, is_leap, to_ordinal};

/// The day of a year on which a rule begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Day {
    /// Month, week (5 is the last) and weekday (0 is Sunday).
    Weekday(i32, i32, i32),
    /// From 1 to 365, 29 February not being counted.
    Julian(i32),
    /// From 0 to 365.
    Zero(i32),
}

/// When clocks are changed, in seconds of local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    day: Day,
    seconds: i64,
}

impl Change {
    /// Seconds since 1970 at which it happens in a year.
    pub fn in_year(&self, year: i32) -> i64 {
        let ordinal = match self.day {
            Day::Weekday(month, week, weekday) => {
                let first = (to_ordinal(year, month, 1)).rem_euclid(7);
                let day = (weekday - first).rem_euclid(7) + 1 + (week - 1) * 7;
                to_ordinal(year, month, if day > days_in_month(year, month) { day - 7 } else { day })
            }
            // As CPython has it: in leap years J59 is already moved, and day 0 is the one before 1 January.
            Day::Julian(day) => to_ordinal(year, 1, 1) - 1 + day + i32::from(day >= 59 && is_leap(year)),
            Day::Zero(day) => to_ordinal(year, 1, 1) - 1 + day,
        };
        (i64::from(ordinal) - EPOCH_ORDINAL) * 86_400 + self.seconds
    }
}

/// A TZ string: name and offset of standard time, and of summer time with its beginning and end if there is one.
#[derive(Debug, PartialEq, Eq)]
pub struct TzString {
    pub std: (String, i64),
    pub dst: Option<(String, i64, Change, Change)>,
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

/// What is wrong with a TZ string.
pub type Wrong = &'static str;

impl Reader<'_> {
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    fn eat(&mut self, c: u8) -> bool {
        let found = !self.at_end() && self.peek() == c;
        self.at += usize::from(found);
        found
    }

    /// A number of at least one and at most `most` digits.
    fn number(&mut self, most: usize) -> Option<i32> {
        let start = self.at;
        let mut value = 0;
        while self.at - start < most && self.peek().is_ascii_digit() {
            value = value * 10 + i32::from(self.peek() - b'0');
            self.at += 1;
        }
        (self.at > start).then_some(value)
    }

    fn two_digits(&mut self) -> Option<i32> {
        let start = self.at;
        self.number(2).filter(|_| self.at == start + 2)
    }

    /// `[+-]hhh[:mm[:ss]]` in seconds; the hours are at most `most`.
    fn time(&mut self, most: i32) -> Option<i64> {
        let negative = self.eat(b'-');
        if !negative {
            self.eat(b'+');
        }
        let hours = self.number(3).filter(|h| *h <= most)?;
        let (mut minutes, mut seconds) = (0, 0);
        if self.eat(b':') {
            minutes = self.two_digits()?;
            if self.eat(b':') {
                seconds = self.two_digits()?;
            }
        }
        let total = i64::from(hours * 3_600 + minutes * 60 + seconds);
        Some(if negative { -total } else { total })
    }

    /// A name: letters, or letters, digits and signs between angle brackets.
    fn name(&mut self) -> Option<String> {
        let quoted = self.eat(b'<');
        let start = self.at;
        let fits = |c: u8| c.is_ascii_alphabetic() || (quoted && (c.is_ascii_digit() || c == b'+' || c == b'-'));
        while fits(self.peek()) {
            self.at += 1;
        }
        let name = self.text.get(start..self.at).filter(|n| !n.is_empty())?;
        let name = String::from_utf8_lossy(name).into_owned();
        (!quoted || self.eat(b'>')).then_some(name)
    }

    fn change(&mut self) -> Option<Change> {
        let day = if self.eat(b'M') {
            let month = self.number(2)?;
            let week = self.eat(b'.').then(|| self.number(1))??;
            let weekday = self.eat(b'.').then(|| self.number(1))??;
            let fits = (1..=12).contains(&month) && (1..=5).contains(&week) && (0..=6).contains(&weekday);
            fits.then_some(Day::Weekday(month, week, weekday))?
        } else if self.eat(b'J') {
            Day::Julian(self.number(3).filter(|d| (1..=365).contains(d))?)
        } else {
            Day::Zero(self.number(3).filter(|d| *d <= 365)?)
        };
        let seconds = if self.eat(b'/') { self.time(167)? } else { 7_200 };
        Some(Change { day, seconds })
    }
}

/// Reads a TZ string.
pub fn parse(text: &[u8]) -> Result<TzString, Wrong> {
    let mut r = Reader { text, at: 0 };
    let std = r.name().ok_or("Invalid STD format in")?;
    // What is added to local time to get UTC.
    let std_offset = -r.time(24).ok_or("Invalid STD offset in")?;
    if r.at_end() {
        return Ok(TzString { std: (std, std_offset), dst: None });
    }
    let dst = r.name().ok_or("Invalid DST format in")?;
    let dst_offset = if r.peek() == b',' { std_offset + 3_600 } else { -r.time(24).ok_or("Invalid DST offset in")? };
    let mut changes = Vec::with_capacity(2);
    for _ in 0..2 {
        if !r.eat(b',') {
            return Err("Missing transition rules in TZ string:");
        }
        changes.push(r.change().ok_or("Malformed transition rule in TZ string:")?);
    }
    if !r.at_end() {
        return Err("Extraneous characters at end of TZ string:");
    }
    match *changes {
        [start, end] => Ok(TzString { std: (std, std_offset), dst: Some((dst, dst_offset, start, end)) }),
        _ => Err("Missing transition rules in TZ string:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_read() {
        assert_eq!(parse(b"UTC0"), Ok(TzString { std: ("UTC".into(), 0), dst: None }));
        assert_eq!(parse(b"<+0330>-3:30").map(|t| t.std), Ok(("+0330".into(), 12_600)));
        let dst = parse(b"CET-1CEST,M3.5.0,M10.5.0/3").ok().and_then(|t| t.dst);
        // 31 March 2024 at 2, 27 October 2024 at 3.
        let want = Some(("CEST".to_owned(), 7_200, 1_711_850_400, 1_729_998_000));
        assert_eq!(dst.map(|(name, offset, start, end)| (name, offset, start.in_year(2024), end.in_year(2024))), want);
        for wrong in ["AAA", "PST8PDT", "PST8PDT,M3.2.0/2", "AAA4BBB,M13.1.1,M1.1.1", "AAA4BBB,J0,J2", "AAA168", "<>5", "AAA4BBB,J60/168,J3"] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
