//! The conversions of timestamps that `time`, `select` and the others work with.

use crate::time::{Round, to_parts, to_time, to_time_t};
use krait_runtime::types::int::IntRef;
use krait_runtime::{PyResult, Raised, Value, Vm, pyfunction};

const NS: i64 = 1_000_000_000;

/// A `_PyTime_ROUND_*` number.
fn rounding(vm: &mut Vm, number: i32) -> PyResult<Round> {
    Ok(match number {
        0 => Round::Floor,
        1 => Round::Ceiling,
        2 => Round::HalfEven,
        3 => Round::Up,
        _ => return Err(vm.value_error("invalid rounding")),
    })
}

/// `x / unit`.
fn divide(x: i64, unit: i64, round: Round) -> i64 {
    let (floor, rest) = (x.div_euclid(unit), x.rem_euclid(unit));
    let up = match round {
        Round::Floor => false,
        Round::Ceiling => rest > 0,
        Round::HalfEven => rest * 2 > unit || rest * 2 == unit && floor & 1 == 1,
        Round::Up => rest > 0 && x > 0,
    };
    floor + i64::from(up)
}

#[cold]
fn overflow(vm: &mut Vm) -> Raised {
    vm.overflow_error("timestamp out of range for C PyTime_t")
}

fn nanoseconds(vm: &mut Vm, value: &Value) -> PyResult<i64> {
    let Some(int) = IntRef::new(value) else {
        let name = krait_runtime::types::value::ValueExt::type_name(value);
        return Err(vm.type_error(format!("expect int, got {name}")));
    };
    int.to_i64().ok_or_else(|| overflow(vm))
}

/// Nanoseconds of whole seconds.
#[pyfunction(name = "_PyTime_FromSeconds", sig = "(seconds, /)")]
pub fn from_seconds(seconds: i32, vm: &mut Vm) -> PyResult {
    vm.new_int(i64::from(seconds) * NS)
}

/// Nanoseconds of seconds, an int or a float.
#[pyfunction(name = "_PyTime_FromSecondsObject", sig = "(seconds, round, /)")]
pub fn from_seconds_object(seconds: &Value, round: i32, vm: &mut Vm) -> PyResult {
    let round = rounding(vm, round)?;
    let ns = to_time(vm, seconds, round)?;
    vm.new_int(ns)
}

/// Seconds, an int or a float, as an int.
#[pyfunction(name = "_PyTime_ObjectToTime_t", sig = "(seconds, round, /)")]
pub fn object_to_time_t(seconds: &Value, round: i32, vm: &mut Vm) -> PyResult {
    let round = rounding(vm, round)?;
    let whole = to_time_t(vm, seconds, round)?;
    vm.new_int(whole)
}

fn split(vm: &mut Vm, seconds: &Value, round: i32, unit: i64) -> PyResult {
    let round = rounding(vm, round)?;
    let parts = to_parts(vm, seconds, round, unit)?;
    let Ok(whole) = i64::try_from(parts.div_euclid(i128::from(unit))) else {
        return Err(vm.overflow_error("timestamp out of range for platform time_t"));
    };
    let whole = vm.new_int(whole)?;
    pair(vm, whole, parts.rem_euclid(i128::from(unit)) as i64)
}

fn pair(vm: &mut Vm, whole: Value, part: i64) -> PyResult {
    let part = vm.new_int(part)?;
    Ok(vm.new_tuple([whole, part])?.into_value())
}

/// Seconds and microseconds.
#[pyfunction(name = "_PyTime_ObjectToTimeval", sig = "(seconds, round, /)")]
pub fn object_to_timeval(seconds: &Value, round: i32, vm: &mut Vm) -> PyResult {
    split(vm, seconds, round, 1_000_000)
}

/// Seconds and nanoseconds.
#[pyfunction(name = "_PyTime_ObjectToTimespec", sig = "(seconds, round, /)")]
pub fn object_to_timespec(seconds: &Value, round: i32, vm: &mut Vm) -> PyResult {
    split(vm, seconds, round, NS)
}

fn timeval(vm: &mut Vm, ns: &Value, round: i32) -> PyResult {
    let round = rounding(vm, round)?;
    let us = divide(nanoseconds(vm, ns)?, 1000, round);
    let seconds = vm.new_int(us.div_euclid(1_000_000))?;
    pair(vm, seconds, us.rem_euclid(1_000_000))
}

/// Nanoseconds as seconds and microseconds.
#[pyfunction(name = "_PyTime_AsTimeval", sig = "(ns, round, /)")]
pub fn as_timeval(ns: &Value, round: i32, vm: &mut Vm) -> PyResult {
    timeval(vm, ns, round)
}

/// The same; what does not fit would be cut, but all of them fit.
#[pyfunction(name = "_PyTime_AsTimeval_clamp", sig = "(ns, round, /)")]
pub fn as_timeval_clamp(ns: &Value, round: i32, vm: &mut Vm) -> PyResult {
    timeval(vm, ns, round)
}

fn timespec(vm: &mut Vm, ns: &Value) -> PyResult {
    let ns = nanoseconds(vm, ns)?;
    let seconds = vm.new_int(ns.div_euclid(NS))?;
    pair(vm, seconds, ns.rem_euclid(NS))
}

/// Nanoseconds as seconds and nanoseconds.
#[pyfunction(name = "_PyTime_AsTimespec", sig = "(ns, /)")]
pub fn as_timespec(ns: &Value, vm: &mut Vm) -> PyResult {
    timespec(vm, ns)
}

/// The same; what does not fit would be cut, but all of them fit.
#[pyfunction(name = "_PyTime_AsTimespec_clamp", sig = "(ns, /)")]
pub fn as_timespec_clamp(ns: &Value, vm: &mut Vm) -> PyResult {
    timespec(vm, ns)
}

/// Nanoseconds as milliseconds.
#[pyfunction(name = "_PyTime_AsMilliseconds", sig = "(ns, round, /)")]
pub fn as_milliseconds(ns: &Value, round: i32, vm: &mut Vm) -> PyResult {
    let round = rounding(vm, round)?;
    let ns = nanoseconds(vm, ns)?;
    vm.new_int(divide(ns, 1_000_000, round))
}

/// Nanoseconds as microseconds.
#[pyfunction(name = "_PyTime_AsMicroseconds", sig = "(ns, round, /)")]
pub fn as_microseconds(ns: &Value, round: i32, vm: &mut Vm) -> PyResult {
    let round = rounding(vm, round)?;
    let ns = nanoseconds(vm, ns)?;
    vm.new_int(divide(ns, 1000, round))
}
