//! Proleptic Gregorian calendar arithmetic.
//!
//! Days are counted from 1 January of year 1, which is day 1 (the *ordinal*). Every function takes any numbers without trouble, because pickles
//! can hold dates that no constructor lets through (year 0, day 0); what comes out for those is of no meaning but of no harm.

/// Smallest and largest year.
pub const MINYEAR: i32 = 1;
pub const MAXYEAR: i32 = 9999;
/// The ordinal of 31 December 9999.
pub const MAXORDINAL: i32 = 3_652_059;
/// The ordinal of 1 January 1970.
pub const EPOCH_ORDINAL: i64 = 719_163;

/// Days before each month of a common year.
const BEFORE: [i32; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];

pub fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub fn days_before_month(year: i32, month: i32) -> i32 {
    let month = month.clamp(1, 13);
    BEFORE.get(month as usize - 1).copied().unwrap_or(0) + i32::from(month > 2 && is_leap(year))
}

pub fn days_in_month(year: i32, month: i32) -> i32 {
    days_before_month(year, month + 1) - days_before_month(year, month)
}

fn days_before_year(year: i32) -> i32 {
    let y = year - 1;
    y * 365 + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400)
}

pub fn to_ordinal(year: i32, month: i32, day: i32) -> i32 {
    days_before_year(year) + days_before_month(year, month) + day
}

/// `(year, month, day)` of an ordinal of at least 1.
pub fn from_ordinal(ordinal: i32) -> (i32, i32, i32) {
    // Count from 1 March of year 0, so that the leap day is the last of its year and of its cycles.
    let days = i64::from(ordinal) + 305;
    let (cycle, day_of_cycle) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = cycle * 400 + year_of_cycle + i64::from(month <= 2);
    (year as i32, month as i32, day as i32)
}

/// Monday is 0.
pub fn weekday(year: i32, month: i32, day: i32) -> i32 {
    (to_ordinal(year, month, day) + 6).rem_euclid(7)
}

/// The ordinal of the Monday that begins week 1 of an ISO year: the week with the year's first Thursday.
fn iso_year_start(year: i32) -> i32 {
    let fourth = to_ordinal(year, 1, 4);
    fourth - (fourth + 6).rem_euclid(7)
}

/// ISO year, week and weekday (Monday is 1) of a date.
pub fn iso_calendar(year: i32, month: i32, day: i32) -> (i32, i32, i32) {
    let ordinal = to_ordinal(year, month, day);
    let start = [year + 1, year].into_iter().find(|&y| ordinal >= iso_year_start(y)).unwrap_or(year - 1);
    let days = ordinal - iso_year_start(start);
    (start, days.div_euclid(7) + 1, days.rem_euclid(7) + 1)
}

/// What is wrong with an ISO calendar date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsoError {
    Year,
    Week,
    Weekday,
}

/// The date of an ISO year, week and weekday.
pub fn from_iso_calendar(year: i32, week: i32, weekday: i32) -> Result<(i32, i32, i32), IsoError> {
    if !(MINYEAR..=MAXYEAR).contains(&year) {
        return Err(IsoError::Year);
    }
    let weeks = (iso_year_start(year + 1) - iso_year_start(year)) / 7;
    if !(1..=weeks).contains(&week) {
        return Err(IsoError::Week);
    }
    if !(1..=7).contains(&weekday) {
        return Err(IsoError::Weekday);
    }
    Ok(from_ordinal(iso_year_start(year) + (week - 1) * 7 + weekday - 1))
}

/// Seconds from the beginning of day 0 to a moment of a day.
pub fn to_seconds(year: i32, month: i32, day: i32, hour: i32, minute: i32, second: i32) -> i64 {
    i64::from(to_ordinal(year, month, day)) * 86_400 + i64::from(hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_round_trip() {
        let mut want = (1, 1, 1);
        for ordinal in 1..=MAXORDINAL {
            assert_eq!(from_ordinal(ordinal), want, "{ordinal}");
            let (y, m, d) = want;
            assert_eq!(to_ordinal(y, m, d), ordinal);
            want = if d < days_in_month(y, m) { (y, m, d + 1) } else if m < 12 { (y, m + 1, 1) } else { (y + 1, 1, 1) };
        }
        assert_eq!(want, (10_000, 1, 1));
    }

    #[test]
    fn iso_weeks_round_trip() {
        for ordinal in (1..=MAXORDINAL - 7).step_by(3) {
            let (y, m, d) = from_ordinal(ordinal);
            let (iso_year, week, day) = iso_calendar(y, m, d);
            if iso_year >= 1 {
                assert_eq!(from_iso_calendar(iso_year, week, day), Ok((y, m, d)));
            }
        }
        let cases = [((2020, 1, 1), (2020, 1, 3)), ((2021, 1, 3), (2020, 53, 7)), ((2019, 12, 30), (2020, 1, 1)), ((2012, 1, 1), (2011, 52, 7))];
        for ((y, m, d), want) in cases {
            assert_eq!(iso_calendar(y, m, d), want);
        }
        assert_eq!(from_iso_calendar(2021, 53, 1), Err(IsoError::Week));
        assert_eq!(from_iso_calendar(2020, 53, 8), Err(IsoError::Weekday));
    }
}
