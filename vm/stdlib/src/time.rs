//! The `time` module: clocks, sleeping, calendar times, and the conversions of Python numbers to times.
#![allow(unsafe_code, reason = "system calls")]

use crate::oserror::{self, check, errno, sys};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::float::float_value;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::str_::Str;
use krait_runtime::types::structseq::{self, StructSeqDef};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{GilCell, Py, PyResult, Value, Vm, pyfunction};
use std::ffi::{CStr, CString};

/// How a float becomes a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    Floor,
    Ceiling,
    HalfEven,
    /// Away from zero: timeouts.
    Up,
}

fn round(x: f64, mode: Round) -> f64 {
    match mode {
        Round::Floor => x.floor(),
        Round::Ceiling => x.ceil(),
        Round::HalfEven => x.round_ties_even(),
        Round::Up => if x >= 0.0 { x.ceil() } else { x.floor() },
    }
}

const NANOS: i128 = 1_000_000_000;

fn nan_error(vm: &mut Vm) -> krait_runtime::Raised {
    vm.value_error("Invalid value NaN (not a number)")
}

/// Seconds as nanoseconds, within the range of the C library's `time_t` (`_PyTime_ObjectToTimespec`).
pub fn to_nanos(vm: &mut Vm, seconds: &Value, mode: Round) -> PyResult<i128> {
    to_parts(vm, seconds, mode, 1_000_000_000)
}

/// Seconds in `unit`ths, whole seconds and the rest being converted apart.
pub fn to_parts(vm: &mut Vm, seconds: &Value, mode: Round, unit: i64) -> PyResult<i128> {
    let Some(x) = float_value(seconds) else { return Ok(i128::from(to_time_t(vm, seconds, mode)?) * i128::from(unit)) };
    if x.is_nan() {
        return Err(nan_error(vm));
    }
    let whole = x.trunc();
    let part = round((x - whole) * unit as f64, mode);
    if !TIME_T.contains(&whole) {
        return Err(vm.overflow_error("timestamp out of range for platform time_t"));
    }
    Ok(whole as i128 * i128::from(unit) + part as i128)
}

/// The floats that fit 64 bits.
const TIME_T: std::ops::Range<f64> = -9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0;

/// Whole seconds (`_PyTime_ObjectToTime_t`).
pub fn to_time_t(vm: &mut Vm, seconds: &Value, mode: Round) -> PyResult<i64> {
    let whole = match float_value(seconds) {
        Some(x) if x.is_nan() => return Err(nan_error(vm)),
        Some(x) => Some(round(x, mode)).filter(|x| TIME_T.contains(x)).map(|x| x as i64),
        None => {
            let index = vm.index(seconds)?;
            IntRef::new(&index).and_then(|i| i.to_i64())
        }
    };
    whole.ok_or_else(|| vm.overflow_error("timestamp out of range for platform time_t"))
}

/// Seconds as 64-bit nanoseconds (`_PyTime_FromSecondsObject`).
pub fn to_time(vm: &mut Vm, seconds: &Value, mode: Round) -> PyResult<i64> {
    scaled(vm, seconds, mode, 1_000_000_000)
}

/// Milliseconds as 64-bit nanoseconds (`_PyTime_FromMillisecondsObject`).
pub fn millis_to_time(vm: &mut Vm, millis: &Value, mode: Round) -> PyResult<i64> {
    scaled(vm, millis, mode, 1_000_000)
}

fn scaled(vm: &mut Vm, value: &Value, mode: Round, unit: i64) -> PyResult<i64> {
    let too_large = "timestamp out of range for C PyTime_t";
    if let Some(x) = float_value(value) {
        if x.is_nan() {
            return Err(nan_error(vm));
        }
        let x = round(x * unit as f64, mode);
        if !TIME_T.contains(&x) {
            return Err(vm.overflow_error(too_large));
        }
        return Ok(x as i64);
    }
    if value.ty().slots.nb_index.get().is_none() {
        let got = value.type_name();
        return Err(vm.type_error(format!("'{got}' object cannot be interpreted as an integer or float")));
    }
    let index = vm.index(value)?;
    match IntRef::new(&index).and_then(|i| i.to_i64()).and_then(|i| i.checked_mul(unit)) {
        Some(n) => Ok(n),
        None => Err(vm.overflow_error(too_large)),
    }
}

/// `(seconds, nanoseconds)` as a `timespec`; negative times are kept.
pub fn timespec(nanos: i64) -> libc::timespec {
    libc::timespec { tv_sec: nanos.div_euclid(1_000_000_000), tv_nsec: nanos.rem_euclid(1_000_000_000) }
}

/// Nanoseconds of the monotonic clock.
pub fn monotonic_now() -> i64 {
    read_clock(libc::CLOCK_MONOTONIC).unwrap_or(0)
}

fn read_clock(clock: libc::clockid_t) -> Result<i64, i32> {
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    if sys!(libc::clock_gettime(clock, &raw mut ts)) != 0 {
        return Err(errno());
    }
    Ok(i64::try_from(crate::posix::sys::nanos(&ts)).unwrap_or(i64::MAX))
}

/// Nanoseconds as seconds (`PyTime_AsSecondsDouble`).
pub fn seconds(nanos: i64) -> f64 {
    if nanos % 1_000_000_000 == 0 { (nanos / 1_000_000_000) as f64 } else { nanos as f64 / 1e9 }
}

macro_rules! clocks {
    ($($(#[$doc:meta])* $name:ident, $ns:ident: $clock:expr;)*) => {$(
        $(#[$doc])*
        #[pyfunction]
        pub fn $name(vm: &mut Vm) -> PyResult<f64> {
            match read_clock($clock) {
                Ok(t) => Ok(seconds(t)),
                Err(code) => Err(oserror::os_error(vm, code)),
            }
        }

        $(#[$doc])*
        /// In nanoseconds.
        #[pyfunction]
        pub fn $ns(vm: &mut Vm) -> PyResult<i64> {
            match read_clock($clock) {
                Ok(t) => Ok(t),
                Err(code) => Err(oserror::os_error(vm, code)),
            }
        }
    )*};
}
clocks! {
    /// The time since the Epoch.
    time, time_ns: libc::CLOCK_REALTIME;
    /// A clock that never goes back.
    monotonic, monotonic_ns: libc::CLOCK_MONOTONIC;
    /// The clock for measuring short times.
    perf_counter, perf_counter_ns: libc::CLOCK_MONOTONIC;
    /// Processor time of the process.
    process_time, process_time_ns: libc::CLOCK_PROCESS_CPUTIME_ID;
    /// Processor time of the thread.
    thread_time, thread_time_ns: libc::CLOCK_THREAD_CPUTIME_ID;
}

/// The time of a clock in seconds.
#[pyfunction(sig = "(clk_id, /)")]
pub fn clock_gettime(clk_id: i32, vm: &mut Vm) -> PyResult<f64> {
    match read_clock(clk_id) {
        Ok(t) => Ok(seconds(t)),
        Err(code) => Err(oserror::os_error(vm, code)),
    }
}

/// The time of a clock in nanoseconds.
#[pyfunction(sig = "(clk_id, /)")]
pub fn clock_gettime_ns(clk_id: i32, vm: &mut Vm) -> PyResult<i64> {
    read_clock(clk_id).map_err(|code| oserror::os_error(vm, code))
}

/// Sets a clock, in seconds.
#[pyfunction(sig = "(clk_id, time, /)", text = "")]
pub fn clock_settime(clk_id: i32, time: &Value, vm: &mut Vm) -> PyResult<()> {
    let ts = timespec(to_time(vm, time, Round::Floor)?);
    let result = sys!(libc::clock_settime(clk_id, &raw const ts));
    check(vm, result).map(drop)
}

/// Sets a clock, in nanoseconds.
#[pyfunction(sig = "(clk_id, time, /)", text = "")]
pub fn clock_settime_ns(clk_id: i32, time: i64, vm: &mut Vm) -> PyResult<()> {
    let ts = timespec(time);
    let result = sys!(libc::clock_settime(clk_id, &raw const ts));
    check(vm, result).map(drop)
}

fn resolution(clock: libc::clockid_t) -> Result<f64, i32> {
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    if sys!(libc::clock_getres(clock, &raw mut ts)) != 0 {
        return Err(errno());
    }
    Ok(ts.tv_sec as f64 + ts.tv_nsec as f64 * 1e-9)
}

/// The resolution of a clock in seconds.
#[pyfunction(sig = "(clk_id, /)", text = "")]
pub fn clock_getres(clk_id: i32, vm: &mut Vm) -> PyResult<f64> {
    resolution(clk_id).map_err(|code| oserror::os_error(vm, code))
}

/// The clock that counts a thread's processor time.
#[pyfunction(sig = "(thread_id, /)", text = "")]
pub fn pthread_getcpuclockid(thread_id: u64, vm: &mut Vm) -> PyResult<i32> {
    let mut clock: libc::clockid_t = 0;
    match sys!(libc::pthread_getcpuclockid(thread_id as libc::pthread_t, &raw mut clock)) {
        0 => Ok(clock),
        code => Err(oserror::os_error(vm, code)),
    }
}

/// What is known of a clock: implementation, whether it goes back, whether it can be set, resolution.
#[pyfunction(sig = "(name, /)", text = "")]
pub fn get_clock_info(name: String, vm: &mut Vm) -> PyResult {
    let (clock, function, adjustable, monotonic) = match name.as_str() {
        "time" => (libc::CLOCK_REALTIME, "CLOCK_REALTIME", true, false),
        "monotonic" | "perf_counter" => (libc::CLOCK_MONOTONIC, "CLOCK_MONOTONIC", false, true),
        "process_time" => (libc::CLOCK_PROCESS_CPUTIME_ID, "CLOCK_PROCESS_CPUTIME_ID", false, true),
        "thread_time" => (libc::CLOCK_THREAD_CPUTIME_ID, "CLOCK_THREAD_CPUTIME_ID", false, true),
        _ => return Err(vm.value_error("unknown clock")),
    };
    let resolution = resolution(clock).unwrap_or(1e-9);
    let types = oserror_import(vm, "types")?;
    let namespace = vm.getattr_str(&types, "SimpleNamespace")?;
    let values = [
        vm.new_str(&format!("clock_gettime({function})"))?.into_value(),
        Value::from_bool(monotonic),
        Value::from_bool(adjustable),
        vm.new_float(resolution)?,
    ];
    let names = ["implementation", "monotonic", "adjustable", "resolution"].map(|n| vm.intern(n).into_value());
    vm.call_args(&namespace, krait_runtime::Args::with_keywords(&values, &names))
}

/// A module of the library.
pub fn oserror_import(vm: &mut Vm, name: &str) -> PyResult {
    let import = oserror::builtin(vm, "__import__")?;
    let name = vm.new_str(name)?.into_value();
    vm.call(&import, &[name])
}

/// Waits for so many seconds.
#[pyfunction(sig = "(seconds, /)")]
pub fn sleep(seconds: &Value, vm: &mut Vm) -> PyResult<()> {
    vm.audit("time.sleep", std::slice::from_ref(seconds))?;
    let timeout = to_time(vm, seconds, Round::Up)?;
    if timeout < 0 {
        return Err(vm.value_error("sleep length must be non-negative"));
    }
    let deadline = timespec(monotonic_now().saturating_add(timeout));
    loop {
        let code = vm.allow_threads(|| {
            sys!(libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &raw const deadline, std::ptr::null_mut()))
        });
        match code {
            0 => return Ok(()),
            libc::EINTR => crate::signal::check_signals(vm)?,
            code => return Err(oserror::os_error(vm, code)),
        }
    }
}

/// `time.struct_time`.
pub static STRUCT_TIME: StructSeqDef = StructSeqDef {
    name: "time.struct_time",
    doc: "The time value as returned by gmtime(), localtime(), and strptime(), and accepted by asctime(), mktime() and strftime(): a sequence of 9 integers.",
    fields: &[
        ("tm_year", "year, for example, 1993"),
        ("tm_mon", "month of year, range [1, 12]"),
        ("tm_mday", "day of month, range [1, 31]"),
        ("tm_hour", "hours, range [0, 23]"),
        ("tm_min", "minutes, range [0, 59]"),
        ("tm_sec", "seconds, range [0, 61])"),
        ("tm_wday", "day of week, range [0, 6], Monday is 0"),
        ("tm_yday", "day of year, range [1, 366]"),
        ("tm_isdst", "1 if summer time is in effect, 0 if not, and -1 if unknown"),
        ("tm_zone", "abbreviation of timezone name"),
        ("tm_gmtoff", "offset from UTC in seconds"),
    ],
    in_sequence: 9,
};

fn empty_tm() -> libc::tm {
    // SAFETY: all fields are numbers or null.
    unsafe { std::mem::zeroed() }
}

/// The time zone's name in a broken-down time.
pub fn zone_name(tm: &libc::tm) -> String {
    if tm.tm_zone.is_null() {
        return String::new();
    }
    // SAFETY: the C library's zone names are null-terminated and live.
    unsafe { CStr::from_ptr(tm.tm_zone) }.to_string_lossy().into_owned()
}

fn struct_time(vm: &mut Vm, tm: &libc::tm) -> PyResult {
    let numbers = [
        i64::from(tm.tm_year) + 1900,
        i64::from(tm.tm_mon) + 1,
        i64::from(tm.tm_mday),
        i64::from(tm.tm_hour),
        i64::from(tm.tm_min),
        i64::from(tm.tm_sec),
        i64::from((tm.tm_wday + 6) % 7),
        i64::from(tm.tm_yday) + 1,
        i64::from(tm.tm_isdst),
    ];
    let mut values = Vec::with_capacity(11);
    for n in numbers {
        values.push(vm.new_int(n)?);
    }
    values.push(vm.new_str(&zone_name(tm))?.into_value());
    values.push(vm.new_int(tm.tm_gmtoff)?);
    structseq::new(vm, &STRUCT_TIME, values)
}

/// Seconds of an optional argument, rounded down; now without.
fn seconds_arg(vm: &mut Vm, seconds: Option<Value>) -> PyResult<i64> {
    match seconds.filter(|s| !s.is_none()) {
        None => Ok(read_clock(libc::CLOCK_REALTIME).unwrap_or(0).div_euclid(1_000_000_000)),
        Some(s) => {
            let nanos = to_nanos(vm, &s, Round::Floor)?;
            i64::try_from(nanos.div_euclid(NANOS)).map_err(|_| vm.overflow_error("timestamp out of range for platform time_t"))
        }
    }
}

/// The local time, or UTC, at so many seconds since the Epoch.
pub fn broken_down(vm: &mut Vm, at: i64, local: bool) -> PyResult<libc::tm> {
    let mut tm = empty_tm();
    let ok = if local { sys!(libc::localtime_r(&raw const at, &raw mut tm)) } else { sys!(libc::gmtime_r(&raw const at, &raw mut tm)) };
    if ok.is_null() {
        let code = errno();
        return Err(oserror::os_error(vm, if code == 0 { libc::EINVAL } else { code }));
    }
    Ok(tm)
}

/// The time in UTC as a struct_time; now without seconds.
#[pyfunction(sig = "(seconds=?, /)", text = "")]
pub fn gmtime(seconds: Option<Value>, vm: &mut Vm) -> PyResult {
    let at = seconds_arg(vm, seconds)?;
    let tm = broken_down(vm, at, false)?;
    struct_time_utc(vm, tm)
}

fn struct_time_utc(vm: &mut Vm, mut tm: libc::tm) -> PyResult {
    tm.tm_zone = c"UTC".as_ptr();
    tm.tm_gmtoff = 0;
    struct_time(vm, &tm)
}

/// The local time as a struct_time; now without seconds.
#[pyfunction(sig = "(seconds=?, /)", text = "")]
pub fn localtime(seconds: Option<Value>, vm: &mut Vm) -> PyResult {
    let at = seconds_arg(vm, seconds)?;
    let tm = broken_down(vm, at, true)?;
    struct_time(vm, &tm)
}

/// Reads a struct_time or tuple of nine ints.
fn read_tm(vm: &mut Vm, function: &str, value: &Value) -> PyResult<(libc::tm, Option<CString>)> {
    let Some(tuple) = value.downcast::<Tuple>().cloned() else {
        return Err(vm.type_error("Tuple or struct_time argument required"));
    };
    let items = tuple.items().to_vec();
    if items.len() != 9 {
        return Err(vm.type_error(format!("{function}(): illegal time tuple argument")));
    }
    let mut n = [0i32; 9];
    for (slot, item) in n.iter_mut().zip(&items) {
        if item.ty().slots.nb_index.get().is_none() {
            return Err(vm.type_error(format!("{function}(): illegal time tuple argument")));
        }
        let index = vm.index(item)?;
        *slot = match vm.int_as_i128(&index).and_then(|i| i32::try_from(i).ok()) {
            Some(i) => i,
            None if vm.int_is_negative(&index) => return Err(vm.overflow_error("signed integer is less than minimum")),
            None => return Err(vm.overflow_error("signed integer is greater than maximum")),
        };
    }
    let [year, mon, mday, hour, min, sec, wday, yday, isdst] = n;
    if year < i32::MIN + 1900 {
        return Err(vm.overflow_error("year out of range"));
    }
    let mut tm = empty_tm();
    (tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec) = (year - 1900, mon.wrapping_sub(1), mday, hour, min, sec);
    (tm.tm_wday, tm.tm_yday, tm.tm_isdst) = (wday.wrapping_add(1) % 7, yday.wrapping_sub(1), isdst);
    let mut zone = None;
    if structseq::type_of(vm, &STRUCT_TIME)?.is(value.ty()) {
        let (name, off) = (vm.getattr_str(value, "tm_zone")?, vm.getattr_str(value, "tm_gmtoff")?);
        if let Some(s) = name.downcast::<Str>() {
            zone = CString::new(s.to_utf8(vm)?).ok();
        }
        if let Some(i) = IntRef::new(&off).and_then(|i| i.to_i64()) {
            tm.tm_gmtoff = i;
        }
    }
    Ok((tm, zone))
}

/// Checks the ranges that `asctime` and `strftime` rely on; zeros of months and days of the year are mended.
fn check_bounds(vm: &mut Vm, tm: &mut libc::tm) -> PyResult<()> {
    if tm.tm_mon == -1 {
        tm.tm_mon = 0;
    }
    if tm.tm_mday == 0 {
        tm.tm_mday = 1;
    }
    if tm.tm_yday == -1 {
        tm.tm_yday = 0;
    }
    let wrong = match () {
        () if !(0..=11).contains(&tm.tm_mon) => "month out of range",
        () if !(0..=31).contains(&tm.tm_mday) => "day of month out of range",
        () if !(0..=23).contains(&tm.tm_hour) => "hour out of range",
        () if !(0..=59).contains(&tm.tm_min) => "minute out of range",
        () if !(0..=61).contains(&tm.tm_sec) => "seconds out of range",
        () if tm.tm_wday < 0 => "day of week out of range",
        () if !(0..=365).contains(&tm.tm_yday) => "day of year out of range",
        () => return Ok(()),
    };
    Err(vm.value_error(wrong))
}

fn asctime_text(tm: &libc::tm) -> String {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let day = DAYS.get(tm.tm_wday.rem_euclid(7) as usize).copied().unwrap_or_default();
    let month = MONTHS.get(tm.tm_mon.rem_euclid(12) as usize).copied().unwrap_or_default();
    let year = i64::from(tm.tm_year) + 1900;
    format!("{day} {month}{:3} {:02}:{:02}:{:02} {year}", tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec)
}

/// A time tuple as text like 'Sat Jun 06 16:26:11 1998'; now without one.
#[pyfunction(sig = "(tuple=?, /)", text = "")]
pub fn asctime(tuple: Option<Value>, vm: &mut Vm) -> PyResult<String> {
    let mut tm = match tuple {
        Some(t) => read_tm(vm, "asctime", &t)?.0,
        None => {
            let now = seconds_arg(vm, None)?;
            broken_down(vm, now, true)?
        }
    };
    check_bounds(vm, &mut tm)?;
    Ok(asctime_text(&tm))
}

/// A time in seconds as text in local time; now without seconds.
#[pyfunction(sig = "(seconds=?, /)", text = "")]
pub fn ctime(seconds: Option<Value>, vm: &mut Vm) -> PyResult<String> {
    let at = seconds_arg(vm, seconds)?;
    let tm = broken_down(vm, at, true)?;
    Ok(asctime_text(&tm))
}

/// The seconds since the Epoch of a local time tuple.
#[pyfunction(sig = "(tuple, /)")]
pub fn mktime(tuple: &Value, vm: &mut Vm) -> PyResult<f64> {
    let (mut tm, _) = read_tm(vm, "mktime", tuple)?;
    tm.tm_wday = -1;
    let at = sys!(libc::mktime(&raw mut tm));
    if at == -1 && tm.tm_wday == -1 {
        return Err(vm.overflow_error("mktime argument out of range"));
    }
    Ok(at as f64)
}

unsafe extern "C" {
    fn strftime(s: *mut libc::c_char, max: usize, format: *const libc::c_char, tm: *const libc::tm) -> usize;
}

/// One run of the format without null characters through the C library.
fn format_part(vm: &mut Vm, format: &CStr, tm: &libc::tm) -> PyResult<Vec<u8>> {
    let mut size = 1024usize.max(format.to_bytes().len());
    loop {
        let mut buffer = crate::posix::fds::buffer_of(vm, size)?;
        let n = sys!(strftime(buffer.as_mut_ptr().cast(), size, format.as_ptr(), tm));
        if n > 0 || size >= 256 * (format.to_bytes().len() + 1) {
            buffer.truncate(n);
            return Ok(buffer);
        }
        size *= 2;
    }
}

/// A time tuple as text, laid out by a format; now without a tuple.
#[pyfunction(name = "strftime", sig = "(format, tuple=?, /)", text = "")]
pub fn strftime_(format: &Py<Str>, tuple: Option<Value>, vm: &mut Vm) -> PyResult {
    let (mut tm, zone) = match tuple {
        Some(t) => read_tm(vm, "strftime", &t)?,
        None => {
            let now = seconds_arg(vm, None)?;
            (broken_down(vm, now, true)?, None)
        }
    };
    check_bounds(vm, &mut tm)?;
    if let Some(zone) = &zone {
        tm.tm_zone = zone.as_ptr();
    } else if tm.tm_zone.is_null() {
        tm.tm_zone = c"".as_ptr();
    }
    tm.tm_isdst = tm.tm_isdst.clamp(-1, 1);
    // Lone surrogates and null characters go round the C library.
    let text = crate::fspath::fsencode_lossless(format);
    let mut out = Vec::new();
    for (i, part) in text.split(|&b| b == 0).enumerate() {
        if i > 0 {
            out.push(0);
        }
        if let Ok(part) = CString::new(part)
            && !part.is_empty() {
                out.extend(format_part(vm, &part, &tm)?);
            }
    }
    Ok(crate::fspath::decode_lossless(vm, &out)?.into_value())
}

/// Reads a time out of text by a format; struct_time.
#[pyfunction]
pub fn strptime(args: krait_runtime::Args<'_>, vm: &mut Vm) -> PyResult {
    let module = oserror_import(vm, "_strptime")?;
    let function = vm.getattr_str(&module, "_strptime_time")?;
    vm.call_args(&function, args)
}

/// The module's dict, which tzset() changes.
#[derive(Default)]
struct TimeState {
    dict: GilCell<Option<Py<Dict>>>,
}

/// Reads the environment variable TZ again.
#[pyfunction]
pub fn tzset(vm: &mut Vm) -> PyResult<()> {
    match vm.state::<TimeState>().dict.load(vm) {
        Some(dict) => init_zone(vm, &dict),
        None => Ok(()),
    }
}

fn init_zone(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    sys!(tzset_now());
    // The zone's offset and name in January and July of this year, as CPython asks.
    const YEAR: i64 = (365 * 24 + 6) * 3600;
    let now = read_clock(libc::CLOCK_REALTIME).unwrap_or(0) / 1_000_000_000;
    let january = now / YEAR * YEAR;
    let (jan, jul) = (broken_down(vm, january, true)?, broken_down(vm, january + YEAR / 2, true)?);
    let (jan_off, jul_off) = (-jan.tm_gmtoff, -jul.tm_gmtoff);
    let (timezone, altzone, names) =
        if jan_off < jul_off { (jul_off, jan_off, [zone_name(&jul), zone_name(&jan)]) } else { (jan_off, jul_off, [zone_name(&jan), zone_name(&jul)]) };
    let [a, b] = names;
    let names = vec![vm.new_str(&a)?.into_value(), vm.new_str(&b)?.into_value()];
    let tzname = vm.new_tuple(names)?.into_value();
    let values = [
        ("timezone", vm.new_int(timezone)?),
        ("altzone", vm.new_int(altzone)?),
        ("daylight", Value::from_i32(i32::from(jan_off != jul_off))),
        ("tzname", tzname),
    ];
    for (name, value) in values {
        let name = vm.intern(name);
        dict.set_str(vm, &name, value)?;
    }
    Ok(())
}

unsafe extern "C" {
    #[link_name = "tzset"]
    fn tzset_now();
}

krait_runtime::module! {
    "time",
    doc: "Clocks, and times of the calendar.",
    functions: [
        time, time_ns, monotonic, monotonic_ns, perf_counter, perf_counter_ns, process_time, process_time_ns, thread_time, thread_time_ns,
        clock_gettime, clock_gettime_ns, clock_settime, clock_settime_ns, clock_getres, pthread_getcpuclockid, get_clock_info, sleep, gmtime,
        localtime, asctime, ctime, mktime, strftime_, strptime, tzset,
    ],
    types: [],
    exec: init,
    single: true,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let numbers = [
        ("CLOCK_REALTIME", libc::CLOCK_REALTIME),
        ("CLOCK_MONOTONIC", libc::CLOCK_MONOTONIC),
        ("CLOCK_MONOTONIC_RAW", libc::CLOCK_MONOTONIC_RAW),
        ("CLOCK_PROCESS_CPUTIME_ID", libc::CLOCK_PROCESS_CPUTIME_ID),
        ("CLOCK_THREAD_CPUTIME_ID", libc::CLOCK_THREAD_CPUTIME_ID),
        ("CLOCK_BOOTTIME", libc::CLOCK_BOOTTIME),
        ("CLOCK_TAI", libc::CLOCK_TAI),
        ("_STRUCT_TM_ITEMS", 11),
    ];
    for (name, value) in numbers {
        let name = vm.intern(name);
        dict.set_str(vm, &name, Value::from_i32(value))?;
    }
    let ty = structseq::type_of(vm, &STRUCT_TIME)?.to_value();
    let name = vm.intern("struct_time");
    dict.set_str(vm, &name, ty)?;
    let state = vm.state::<TimeState>();
    let old = state.dict.replace(vm, Some(dict.clone()));
    drop(old);
    init_zone(vm, dict)
}

/// Nanoseconds of the calendar's clock.
pub fn realtime_now() -> i64 {
    read_clock(libc::CLOCK_REALTIME).unwrap_or(0)
}
