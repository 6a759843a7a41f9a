//! `_datetime`: dates, times, durations and time zones.
//!
//! - `calendar`: Gregorian arithmetic; `iso` and `text`: reading and writing; `args`: argument errors.
//! - `delta`, `date`, `time`, `datetime` (with `local` for the machine's time zone), `tz`: the types.
//!
//! Results of arithmetic and of the other constructors are of the class asked for: its constructor is called unless it is the native type itself.
//! The types are not collected, as in CPython; a cycle through a time zone is not found.
//!
//! Deliberately absent: functions behind `datetime_CAPI`, as there is no C API; the capsule names the module for those who look for it.

mod args;
pub mod calendar;
mod constructors;
pub mod date;
pub mod datetime;
pub mod delta;
mod iso;
mod local;
mod text;
pub mod time;
pub mod tz;

use crate::_types::Capsule;
use crate::time::STRUCT_TIME;
pub use date::Date;
pub use datetime::DateTime;
pub use delta::TimeDelta;
pub use time::Time;
pub use tz::{TimeZone, TzInfo};
use date::IsoCalendarDate;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::structseq;
use krait_runtime::{GilCell, Py, PyClass, PyResult, Value, Vm, module};

/// Objects that there are one of.
#[derive(Default)]
struct State {
    utc: GilCell<Option<Py<TimeZone>>>,
    zero: GilCell<Option<Py<TimeDelta>>>,
}

/// A `time.struct_time`; weekday and day of the year are computed.
fn struct_time(vm: &mut Vm, (year, month, day): (i32, i32, i32), (hour, minute, second): (i32, i32, i32), dst: i32) -> PyResult {
    let day_of_year = calendar::days_before_month(year, month) + day;
    let fields = [year, month, day, hour, minute, second, calendar::weekday(year, month, day), day_of_year, dst];
    structseq::new(vm, &STRUCT_TIME, fields.map(Value::from_i32).to_vec())
}

/// Constants of the types, which are their instances or each other's.
fn constants(vm: &mut Vm) -> PyResult<()> {
    let resolution = delta::new(vm, 0, 0, 1)?.into_value();
    let last = (calendar::MAXYEAR, 12, 31);
    let days = i64::from(delta::MAX_DAYS);
    let attributes = [
        (TimeDelta::static_type(), "resolution", resolution.clone()),
        (TimeDelta::static_type(), "min", delta::new(vm, -days, 0, 0)?.into_value()),
        (TimeDelta::static_type(), "max", delta::new(vm, days, 86_399, 999_999)?.into_value()),
        (Date::static_type(), "min", vm.new_object(Date::of((1, 1, 1)))?.into_value()),
        (Date::static_type(), "max", vm.new_object(Date::of(last))?.into_value()),
        (Date::static_type(), "resolution", delta::new(vm, 1, 0, 0)?.into_value()),
        (Time::static_type(), "min", time::new(vm, (0, 0, 0, 0), None, 0)?),
        (Time::static_type(), "max", time::new(vm, (23, 59, 59, 999_999), None, 0)?),
        (Time::static_type(), "resolution", resolution.clone()),
        (DateTime::static_type(), "min", datetime::new(vm, (1, 1, 1), (0, 0, 0, 0), None, 0)?),
        (DateTime::static_type(), "max", datetime::new(vm, last, (23, 59, 59, 999_999), None, 0)?),
        (DateTime::static_type(), "resolution", resolution),
        (TimeZone::static_type(), "utc", tz::utc(vm)?.into_value()),
        // To the minute, as when offsets could only be whole minutes.
        (TimeZone::static_type(), "min", tz::of_seconds(vm, 60 - 86_400, 0)?),
        (TimeZone::static_type(), "max", tz::of_seconds(vm, 86_400 - 60, 0)?),
    ];
    for (ty, name, value) in attributes {
        let ty = ty.ready(vm)?;
        let name = vm.intern(name);
        if let Some(dict) = ty.dict.load(vm)
            && dict.get_str(vm, &name).is_none() {
                dict.set_str(vm, &name, value)?;
                ty.modified(vm);
            }
    }
    Ok(())
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    IsoCalendarDate::static_type().ready(vm)?;
    constants(vm)?;
    let values = [
        ("MINYEAR", Value::from_i32(calendar::MINYEAR)),
        ("MAXYEAR", Value::from_i32(calendar::MAXYEAR)),
        ("UTC", tz::utc(vm)?.into_value()),
        ("datetime_CAPI", vm.new_object(Capsule { name: "datetime.datetime_CAPI" })?.into_value()),
    ];
    for (name, value) in values {
        let name = vm.intern(name);
        dict.set_str(vm, &name, value)?;
    }
    Ok(())
}

module! {
    "_datetime",
    doc: "Dates, times, durations and time zones.",
    functions: [],
    types: [Date, DateTime, Time, TimeDelta, TzInfo, TimeZone],
    exec: init,
}
