//! `datetime`'s other constructors.

use super::args::{self, Params};
use super::date::{self, Date, invalid_iso, iso_text, strptime};
use super::datetime::{self, DateTime};
use super::time::{self, Time};
use super::{calendar, iso, local, tz};
use crate::time::{Round, realtime_now, to_parts};
use krait_runtime::eval::ops::attr::fully_qualified_name;
use krait_runtime::types::float::float_value;
use krait_runtime::types::str_::{Str, StrData};
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyResult, Value, Vm, n, pymethods};

/// A datetime `us` microseconds behind `seconds` since the Epoch: local time, or in UTC with a time zone that is put on afterwards.
fn at(vm: &mut Vm, cls: &Py<PyType>, seconds: i64, us: i32, utc: bool, tzinfo: Option<&Value>) -> PyResult {
    let (ymd, (hour, minute, second), fold) = local::broken_down_at(vm, seconds, utc)?;
    datetime::make(vm, cls, ymd, (hour, minute, second, us), tzinfo, fold)
}

/// [`at`] in local time, or converted to a time zone.
fn at_zone(vm: &mut Vm, cls: &Py<PyType>, seconds: i64, us: i32, tzinfo: Option<&Value>) -> PyResult {
    let result = at(vm, cls, seconds, us, tzinfo.is_some(), tzinfo)?;
    match tzinfo {
        Some(tzinfo) => vm.call_method(tzinfo, n!(fromutc), &[result]),
        None => Ok(result),
    }
}

/// Now, in seconds and microseconds since the Epoch.
fn now() -> (i64, i32) {
    let nanos = realtime_now();
    (nanos.div_euclid(1_000_000_000), (nanos.rem_euclid(1_000_000_000) / 1_000) as i32)
}

/// A timestamp in seconds and microseconds.
fn timestamp(vm: &mut Vm, value: &Value) -> PyResult<(i64, i32)> {
    if float_value(value).is_none() && value.type_ref().slots.nb_index.get().is_none() {
        let got = fully_qualified_name(vm, &value.ty().clone());
        return Err(vm.type_error(format!("argument must be int or float, not {got}")));
    }
    let micros = to_parts(vm, value, Round::HalfEven, 1_000_000)?;
    match i64::try_from(micros.div_euclid(1_000_000)) {
        Ok(seconds) => Ok((seconds, micros.rem_euclid(1_000_000) as i32)),
        Err(_) => Err(vm.overflow_error("timestamp out of range for platform time_t")),
    }
}

/// The text of a datetime as UTF-8. Any character may stand between date and time, even a lone surrogate, which is taken for a `T`.
fn datetime_text(string: &Str) -> Option<std::borrow::Cow<'_, [u8]>> {
    if let StrData::Ascii(s) = string.data() {
        return (s.len() >= 7).then(|| s.as_bytes().into());
    }
    let mut chars: Vec<u32> = string.chars().collect();
    if chars.len() < 7 {
        return None;
    }
    let surrogate = [7, 8, 10].into_iter().find(|&i| chars.get(i).is_some_and(|c| (0xd800..0xe000).contains(c)));
    if let Some(slot) = surrogate.and_then(|i| chars.get_mut(i)) {
        *slot = u32::from(b'T');
    }
    let text: Option<String> = chars.into_iter().map(char::from_u32).collect();
    text.map(|t| t.into_bytes().into())
}

/// What a text says: date, time, offset.
type Parsed = ((i32, i32, i32), iso::Clock, Option<(i32, i32)>);

fn parse(text: &[u8]) -> Result<Parsed, iso::Malformed> {
    let end = iso::separator(text)?;
    let ymd = iso::date(text, end)?;
    let Some(&first) = text.get(end) else { return Ok((ymd, (0, 0, 0, 0), None)) };
    let rest = text.get(end + iso::char_len(first)..).unwrap_or_default();
    let (clock, zone) = iso::time(rest)?;
    Ok((ymd, clock, zone))
}

static FROMTIMESTAMP: Params<2> = Params { function: "fromtimestamp", names: ["timestamp", "tz"], required: 1, positional: 2, ints: 0 };
static COMBINE: Params<3> = Params { function: "combine", names: ["date", "time", "tzinfo"], required: 2, positional: 3, ints: 0 };

#[pymethods(part = constructors)]
impl DateTime {
    /// The local date and time now, or those of a time zone.
    #[classmethod(sig = "(tz=None)")]
    fn now(cls: &Py<PyType>, tz: Value, vm: &mut Vm) -> PyResult {
        let tzinfo = tz::check(vm, Some(&tz))?;
        let (seconds, us) = now();
        at_zone(vm, cls, seconds, us, tzinfo.as_ref())
    }

    /// The date and time in UTC now, without a time zone.
    #[classmethod]
    fn utcnow(cls: &Py<PyType>, vm: &mut Vm) -> PyResult {
        vm.warn_deprecated(
            "datetime.datetime.utcnow() is deprecated and scheduled for removal in a future version. Use timezone-aware objects to represent datetimes \
             in UTC: datetime.datetime.now(datetime.UTC).",
        )?;
        let (seconds, us) = now();
        at(vm, cls, seconds, us, true, None)
    }

    /// The local date and time at a number of seconds since the Epoch, or those of a time zone.
    #[classmethod]
    fn fromtimestamp(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let [value, tzinfo] = FROMTIMESTAMP.bind(vm, args)?;
        let tzinfo = tz::check(vm, tzinfo)?;
        let none = Value::none();
        let (seconds, us) = timestamp(vm, value.unwrap_or(&none))?;
        at_zone(vm, cls, seconds, us, tzinfo.as_ref())
    }

    /// The date and time in UTC at a number of seconds since the Epoch, without a time zone.
    #[classmethod]
    fn utcfromtimestamp(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        vm.warn_deprecated(
            "datetime.datetime.utcfromtimestamp() is deprecated and scheduled for removal in a future version. Use timezone-aware objects to represent \
             datetimes in UTC: datetime.datetime.fromtimestamp(timestamp, datetime.UTC).",
        )?;
        let [value] = args::exactly::<1>(vm, "utcfromtimestamp", args)?;
        let (seconds, us) = timestamp(vm, value)?;
        at(vm, cls, seconds, us, true, None)
    }

    /// The datetime that a text denotes which is laid out by a format.
    #[classmethod]
    fn strptime(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        strptime(vm, cls, args, "_strptime_datetime_datetime")
    }

    /// The datetime of a date and a time, with the time's time zone unless another is given.
    #[classmethod]
    fn combine(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let [date, time, tzinfo] = COMBINE.bind(vm, args)?;
        let none = Value::none();
        let (date, time) = (date.unwrap_or(&none), time.unwrap_or(&none));
        let Some(day) = date.downcast::<Date>() else { return Err(COMBINE.wrong(vm, 0, "datetime.date", date)) };
        let Some(time_of_day) = time.downcast::<Time>() else { return Err(COMBINE.wrong(vm, 1, "datetime.time", time)) };
        let tzinfo = match tzinfo {
            Some(tzinfo) => Some(tzinfo.clone()),
            None => time_of_day.tzinfo_opt(vm),
        };
        datetime::make(vm, cls, day.ymd(), time_of_day.clock(), tzinfo.as_ref(), time_of_day.fold_bit())
    }

    /// The datetime that a text in ISO 8601 form denotes.
    #[classmethod(sig = "(object, /)")]
    fn fromisoformat(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        let string = iso_text(vm, object)?;
        let Some((mut ymd, mut clock, zone)) = datetime_text(string).and_then(|t| parse(&t).ok()) else { return Err(invalid_iso(vm, object)) };
        if clock.0 == 24 && (1..=12).contains(&ymd.1) {
            let last = calendar::days_in_month(ymd.0, ymd.1);
            if ymd.2 > last {
                date::check(vm, ymd)?;
            }
            if time::is_end_of_day(vm, clock)? {
                clock = (0, 0, 0, 0);
                ymd = match ymd {
                    (year, 12, day) if day == last => (year + 1, 1, 1),
                    (year, month, day) if day == last => (year, month + 1, 1),
                    (year, month, day) => (year, month, day + 1),
                };
            }
        }
        let tzinfo = match zone {
            Some((seconds, micros)) => Some(tz::of_seconds(vm, seconds, micros)?),
            None => None,
        };
        datetime::make(vm, cls, ymd, clock, tzinfo.as_ref(), 0)
    }
}
