//! Dates and times as native code makes and reads them. In CPython each way is there as a function and as a macro; here both are one.

use crate::_datetime::{Date, DateTime, Time, TimeDelta, TimeZone, TzInfo, date, datetime as dt, delta, time, tz};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyClass, PyResult, Value, Vm, n, pyfunction};

/// Imports datetime, which the other functions need.
#[pyfunction]
pub fn test_datetime_capi(vm: &mut Vm) -> PyResult<()> {
    vm.import_module("datetime").map(drop)
}

/// The time zone UTC.
#[pyfunction(sig = "(macro=False, /)")]
pub fn get_timezone_utc_capi(r#macro: bool, vm: &mut Vm) -> PyResult<Py<TimeZone>> {
    let _ = r#macro;
    tz::utc(vm)
}

/// Three time zones five hours behind UTC, the last without a name.
#[pyfunction]
pub fn make_timezones_capi(vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let offset = delta::new(vm, 0, -5 * 3_600, 0)?;
    let name = vm.new_str("EST")?.into_value();
    let zones = [tz::new(vm, &offset, Some(name.clone()))?, tz::new(vm, &offset, Some(name))?, tz::new(vm, &offset, None)?];
    vm.new_tuple(zones.map(Py::into_value))
}

/// UTC twice, and a time zone that differs from it by its empty name only.
#[pyfunction]
pub fn get_timezones_offset_zero(vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let offset = delta::new(vm, 0, 0, 0)?;
    let zones = [tz::new(vm, &offset, None)?, tz::new(vm, &offset, None)?, tz::new(vm, &offset, Some(n!(empty).to_value()))?];
    vm.new_tuple(zones.map(Py::into_value))
}

/// The fields of a timedelta.
#[pyfunction(sig = "(delta, /)")]
#[allow(non_snake_case, reason = "CPython's name")]
pub fn PyDateTime_DELTA_GET(delta: &Py<TimeDelta>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    vm.new_tuple([delta.days, delta.seconds, delta.microseconds].map(Value::from_i32))
}

/// The fields of a date.
#[pyfunction(sig = "(date, /)")]
#[allow(non_snake_case, reason = "CPython's name")]
pub fn PyDateTime_GET(date: &Py<Date>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let (year, month, day) = date.ymd();
    vm.new_tuple([year, month, day].map(Value::from_i32))
}

fn clock_and_zone(vm: &mut Vm, (hour, minute, second, us): time::Clock, tzinfo: Option<Value>) -> PyResult<Py<Tuple>> {
    let mut items = [hour, minute, second, us].map(Value::from_i32).to_vec();
    items.push(tzinfo.unwrap_or_else(Value::none));
    vm.new_tuple(items)
}

/// The fields of a datetime that a date has not.
#[pyfunction(sig = "(datetime, /)")]
#[allow(non_snake_case, reason = "CPython's name")]
pub fn PyDateTime_DATE_GET(datetime: &Py<DateTime>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let tzinfo = datetime.tzinfo_opt(vm);
    clock_and_zone(vm, datetime.clock(), tzinfo)
}

/// The fields of a time.
#[pyfunction(sig = "(time, /)")]
#[allow(non_snake_case, reason = "CPython's name")]
pub fn PyDateTime_TIME_GET(time: &Py<Time>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let tzinfo = time.tzinfo_opt(vm);
    clock_and_zone(vm, time.clock(), tzinfo)
}

macro_rules! checks {
    ($($name:ident: $ty:ty),*) => {$(
        /// Whether an object is of the type, exactly or not.
        #[pyfunction(sig = "(object, exact=False, /)")]
        pub fn $name(object: &Value, exact: bool) -> bool {
            if exact { object.is_exact::<$ty>() } else { object.is::<$ty>() }
        }
    )*};
}
checks!(datetime_check_date: Date, datetime_check_time: Time, datetime_check_datetime: DateTime, datetime_check_delta: TimeDelta, datetime_check_tzinfo: TzInfo);

/// A date.
#[pyfunction(sig = "(macro, year, month, day, /)")]
pub fn get_date_fromdate(r#macro: bool, year: i32, month: i32, day: i32, vm: &mut Vm) -> PyResult<Py<Date>> {
    let _ = r#macro;
    date::check(vm, (year, month, day))?;
    vm.new_object(Date::of((year, month, day)))
}

/// A datetime.
#[pyfunction(sig = "(macro, year, month, day, hour, minute, second, microsecond, /)")]
#[allow(clippy::too_many_arguments, reason = "CPython's signature")]
pub fn get_datetime_fromdateandtime(
    r#macro: bool, year: i32, month: i32, day: i32, hour: i32, minute: i32, second: i32, microsecond: i32, vm: &mut Vm,
) -> PyResult {
    let _ = r#macro;
    dt::new(vm, (year, month, day), (hour, minute, second, microsecond), None, 0)
}

/// A datetime with a fold.
#[pyfunction(sig = "(macro, year, month, day, hour, minute, second, microsecond, fold, /)")]
#[allow(clippy::too_many_arguments, reason = "CPython's signature")]
pub fn get_datetime_fromdateandtimeandfold(
    r#macro: bool, year: i32, month: i32, day: i32, hour: i32, minute: i32, second: i32, microsecond: i32, fold: i32, vm: &mut Vm,
) -> PyResult {
    let _ = r#macro;
    dt::new(vm, (year, month, day), (hour, minute, second, microsecond), None, fold)
}

/// A time.
#[pyfunction(sig = "(macro, hour, minute, second, microsecond, /)")]
pub fn get_time_fromtime(r#macro: bool, hour: i32, minute: i32, second: i32, microsecond: i32, vm: &mut Vm) -> PyResult {
    let _ = r#macro;
    time::new(vm, (hour, minute, second, microsecond), None, 0)
}

/// A time with a fold.
#[pyfunction(sig = "(macro, hour, minute, second, microsecond, fold, /)")]
pub fn get_time_fromtimeandfold(r#macro: bool, hour: i32, minute: i32, second: i32, microsecond: i32, fold: i32, vm: &mut Vm) -> PyResult {
    let _ = r#macro;
    time::new(vm, (hour, minute, second, microsecond), None, fold)
}

/// A timedelta.
#[pyfunction(sig = "(macro, days, seconds, microseconds, /)")]
pub fn get_delta_fromdsu(r#macro: bool, days: i32, seconds: i32, microseconds: i32, vm: &mut Vm) -> PyResult<Py<TimeDelta>> {
    let _ = r#macro;
    delta::new(vm, i64::from(days), i64::from(seconds), i64::from(microseconds))
}

/// The local date of a timestamp.
#[pyfunction(sig = "(timestamp, macro=False, /)")]
pub fn get_date_fromtimestamp(timestamp: Value, r#macro: bool, vm: &mut Vm) -> PyResult {
    let _ = r#macro;
    vm.call_method(Date::type_object(vm).as_value(), n!(fromtimestamp), &[timestamp])
}

/// The datetime of a timestamp, in local time or with a time zone.
#[pyfunction(sig = "(timestamp, tzinfo=None, usetz=False, macro=False, /)")]
pub fn get_datetime_fromtimestamp(timestamp: Value, tzinfo: Value, usetz: bool, r#macro: bool, vm: &mut Vm) -> PyResult {
    let _ = r#macro;
    let args = if usetz { vec![timestamp, tzinfo] } else { vec![timestamp] };
    vm.call_method(DateTime::type_object(vm).as_value(), n!(fromtimestamp), &args)
}
