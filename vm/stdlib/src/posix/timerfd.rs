//! Timers behind file descriptors: `timerfd_create` and what belongs to it.
#![allow(unsafe_code, reason = "system calls")]

use crate::oserror::{self, sys};
use crate::time::{self, Round};
use krait_runtime::{PyResult, Value, Vm, pyfunction};

fn nanos(ts: libc::timespec) -> i64 {
    ts.tv_sec.saturating_mul(1_000_000_000).saturating_add(ts.tv_nsec)
}

const fn zero() -> libc::itimerspec {
    const ZERO: libc::timespec = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    libc::itimerspec { it_interval: ZERO, it_value: ZERO }
}

/// Makes a timer of a clock.
#[pyfunction(sig = "(clockid, /, *, flags=?)", text = "(clockid, /, *, flags=TFD_CLOEXEC)")]
pub fn timerfd_create(clockid: i32, flags: Option<i32>, vm: &mut Vm) -> PyResult<i32> {
    oserror::call_once(vm, || sys!(libc::timerfd_create(clockid, flags.unwrap_or(0) | libc::TFD_CLOEXEC)))
}

/// Sets a timer; the old setting in nanoseconds.
fn set(vm: &mut Vm, fd: i32, flags: i32, initial: i64, interval: i64) -> PyResult<libc::itimerspec> {
    let new = libc::itimerspec { it_interval: time::timespec(interval), it_value: time::timespec(initial) };
    let mut old = zero();
    oserror::call_once(vm, || sys!(libc::timerfd_settime(fd, flags, &raw const new, &raw mut old)))?;
    Ok(old)
}

fn seconds_pair(vm: &mut Vm, timer: &libc::itimerspec) -> PyResult {
    let parts = [timer.it_value, timer.it_interval].map(|ts| time::seconds(nanos(ts)));
    let parts = parts.iter().map(|&s| vm.new_float(s)).collect::<PyResult<Vec<_>>>()?;
    Ok(vm.new_tuple(parts)?.into_value())
}

fn nanos_pair(vm: &mut Vm, timer: &libc::itimerspec) -> PyResult {
    let parts = [timer.it_value, timer.it_interval].map(nanos);
    let parts = parts.iter().map(|&n| vm.new_int(n)).collect::<PyResult<Vec<_>>>()?;
    Ok(vm.new_tuple(parts)?.into_value())
}

fn setting(value: Option<Value>) -> Value {
    value.unwrap_or_else(|| Value::from_i32(0))
}

/// Sets a timer to seconds until it ends first, and between its later ends; returns what it was set to.
#[pyfunction(sig = "(fd, /, *, flags=0, initial=?, interval=?)", text = "(fd, /, *, flags=0, initial=0.0, interval=0.0)")]
pub fn timerfd_settime(fd: i32, flags: i32, initial: Option<Value>, interval: Option<Value>, vm: &mut Vm) -> PyResult {
    let initial = time::to_time(vm, &setting(initial), Round::Floor)?;
    let interval = time::to_time(vm, &setting(interval), Round::Floor)?;
    let old = set(vm, fd, flags, initial, interval)?;
    seconds_pair(vm, &old)
}

/// The same in nanoseconds.
#[pyfunction(sig = "(fd, /, *, flags=0, initial=0, interval=0)")]
pub fn timerfd_settime_ns(fd: i32, flags: i32, initial: i64, interval: i64, vm: &mut Vm) -> PyResult {
    let old = set(vm, fd, flags, initial, interval)?;
    nanos_pair(vm, &old)
}

fn get(vm: &mut Vm, fd: i32) -> PyResult<libc::itimerspec> {
    let mut timer = zero();
    oserror::call_once(vm, || sys!(libc::timerfd_gettime(fd, &raw mut timer)))?;
    Ok(timer)
}

/// Seconds until a timer ends, and between its ends.
#[pyfunction(sig = "(fd, /)")]
pub fn timerfd_gettime(fd: i32, vm: &mut Vm) -> PyResult {
    let timer = get(vm, fd)?;
    seconds_pair(vm, &timer)
}

/// The same in nanoseconds.
#[pyfunction(sig = "(fd, /)")]
pub fn timerfd_gettime_ns(fd: i32, vm: &mut Vm) -> PyResult {
    let timer = get(vm, fd)?;
    nanos_pair(vm, &timer)
}
