//! The time zone of the machine, as the C library knows it.
//!
//! Moments are counted in seconds since the beginning of day 0, which the ordinals of [`calendar`] count from.

use super::calendar::{self, EPOCH_ORDINAL, MAXYEAR, MINYEAR};
use super::date::wrong_year;
use super::time::Clock;
use super::{delta, tz};
use crate::time::{broken_down, zone_name};
use krait_runtime::{PyResult, Value, Vm};

/// No clock is set back by more than a day.
const MAX_FOLD: i64 = 86_400;
/// The Epoch.
pub const EPOCH: i64 = EPOCH_ORDINAL * 86_400;

/// The local time of a moment.
fn local(vm: &mut Vm, moment: i64) -> PyResult<i64> {
    let tm = broken_down(vm, moment - EPOCH, true)?;
    let year = tm.tm_year.saturating_add(1900);
    if !(MINYEAR..=MAXYEAR).contains(&year) {
        return Err(wrong_year(vm, year));
    }
    Ok(calendar::to_seconds(year, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec))
}

/// The moment at which the local clock shows a time; the second such moment with `fold`. A time that the clock leaves out is taken by the offset
/// before the gap, with `fold` by the one behind it.
pub fn moment_of(vm: &mut Vm, ymd: (i32, i32, i32), (hour, minute, second, _): Clock, fold: bool) -> PyResult<i64> {
    let (year, month, day) = ymd;
    let shown = calendar::to_seconds(year, month, day, hour, minute, second);
    let first = local(vm, shown)? - shown;
    let guess = shown - first;
    let at_guess = local(vm, guess)?;
    let second = if at_guess == shown {
        // One answer; a day earlier or later another offset may be in force, which gives the other.
        let other = if fold { guess + MAX_FOLD } else { guess - MAX_FOLD };
        let offset = local(vm, other)? - other;
        if offset == first {
            return Ok(guess);
        }
        offset
    } else {
        at_guess - guess
    };
    let other = shown - second;
    if local(vm, other)? == shown {
        return Ok(other);
    }
    if at_guess == shown {
        return Ok(guess);
    }
    Ok(if fold { guess.min(other) } else { guess.max(other) })
}

/// Year, month and day; hour, minute and second; the fold.
pub type BrokenDown = ((i32, i32, i32), (i32, i32, i32), i32);

/// The local date and time at `seconds` since the Epoch, or those in UTC; and whether the clock shows that time for the second time.
pub fn broken_down_at(vm: &mut Vm, seconds: i64, utc: bool) -> PyResult<BrokenDown> {
    let tm = broken_down(vm, seconds, !utc)?;
    let ymd = (tm.tm_year.saturating_add(1900), tm.tm_mon + 1, tm.tm_mday);
    // Leap seconds are not for datetimes.
    let hms = (tm.tm_hour, tm.tm_min, tm.tm_sec.min(59));
    if utc {
        return Ok((ymd, hms, 0));
    }
    if !(MINYEAR..=MAXYEAR).contains(&ymd.0) {
        return Err(wrong_year(vm, ymd.0));
    }
    let shown = calendar::to_seconds(ymd.0, ymd.1, ymd.2, hms.0, hms.1, hms.2);
    let moment = seconds + EPOCH;
    let back = shown - local(vm, moment - MAX_FOLD)? - MAX_FOLD;
    let fold = back < 0 && local(vm, moment + back)? == shown;
    Ok((ymd, hms, i32::from(fold)))
}

/// The offset in force at `seconds` since the Epoch, as a time zone.
pub fn zone_at(vm: &mut Vm, seconds: i64) -> PyResult {
    let tm = broken_down(vm, seconds, true)?;
    let offset = delta::new(vm, 0, tm.tm_gmtoff, 0)?;
    let name = if tm.tm_zone.is_null() { None } else { Some(vm.new_str(&zone_name(&tm))?.into_value()) };
    Ok(tz::new(vm, &offset, name)?.into_value())
}

/// The offset in force when the local clock shows a time.
pub fn zone_of(vm: &mut Vm, ymd: (i32, i32, i32), clock: Clock, fold: bool) -> PyResult<Value> {
    let mut moment = moment_of(vm, ymd, clock, fold)?;
    let other = moment_of(vm, ymd, clock, !fold)?;
    // In a gap the two stand the other way round.
    if other != moment && (other > moment) == fold {
        moment = other;
    }
    zone_at(vm, moment - EPOCH)
}
