//! `datetime`: a date with a time of day, with or without a time zone. The other constructors are in `constructors`.

use super::args::{self, Params};
use super::calendar::{self, MAXORDINAL};
use super::date::{self, Date, pickled, sane_month};
use super::delta::{self, Span, TimeDelta};
use super::text::{self, Line, Timespec};
use super::time::{self, Clock, pickled_tzinfo};
use super::tz::{self, TimeZone};
use super::{local, struct_time};
use krait_runtime::types::slots::CompareOp;
use krait_runtime::types::str_::Str;
use krait_runtime::types::str_::StrBuilder;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyClass, PyResult, Value, Vm, n, pyclass, pymethods};

/// A date and time: datetime(year, month, day, hour=0, minute=0, second=0, microsecond=0, tzinfo=None, *, fold=0).
#[pyclass(module = "datetime", name = "datetime", base = Date, flags(BASETYPE))]
#[repr(C)]
pub struct DateTime {
    pub(super) base: Date,
    hour: u8,
    minute: u8,
    second: u8,
    fold: u8,
    microsecond: u32,
    /// Only `astimezone()` changes it, of objects that nobody else has seen.
    tzinfo: GilCell<Option<Value>>,
}

type Ymd = (i32, i32, i32);

impl DateTime {
    /// From fields in range.
    pub fn of(ymd: Ymd, (hour, minute, second, us): Clock, tzinfo: Option<Value>, fold: i32) -> DateTime {
        DateTime {
            base: Date::of(ymd),
            hour: hour as u8,
            minute: minute as u8,
            second: second as u8,
            fold: fold as u8,
            microsecond: us as u32,
            tzinfo: GilCell::new(tzinfo),
        }
    }

    #[inline]
    pub fn ymd(&self) -> Ymd {
        self.base.ymd()
    }

    #[inline]
    pub fn clock(&self) -> Clock {
        (i32::from(self.hour), i32::from(self.minute), i32::from(self.second), self.microsecond as i32)
    }

    fn hms(&self) -> (i32, i32, i32) {
        let (hour, minute, second, _) = self.clock();
        (hour, minute, second)
    }

    #[inline]
    pub fn tzinfo_opt(&self, vm: &Vm) -> Option<Value> {
        self.tzinfo.load(vm)
    }

    pub fn fold_bit(&self) -> i32 {
        i32::from(self.fold)
    }

    /// The bytes that pickles hold and hashes are made of.
    fn state(&self) -> [u8; 10] {
        let [a, b, month, day] = self.base.state();
        let [_, us2, us1, us0] = self.microsecond.to_be_bytes();
        [a, b, month, day, self.hour, self.minute, self.second, us2, us1, us0]
    }

    /// Microseconds since the beginning of day 0.
    fn micros(&self) -> i128 {
        let ((year, month, day), (hour, minute, second, us)) = (self.ymd(), self.clock());
        i128::from(calendar::to_seconds(year, month, day, hour, minute, second)) * 1_000_000 + i128::from(us)
    }

    fn same_zone(&self, other: &DateTime, vm: &Vm) -> bool {
        match (self.tzinfo.get(vm), other.tzinfo.get(vm)) {
            (None, None) => true,
            (Some(a), Some(b)) => a.is_same(b),
            _ => false,
        }
    }
}

/// The offset from UTC.
pub fn offset(vm: &mut Vm, dt: &Py<DateTime>) -> PyResult<Option<Py<TimeDelta>>> {
    match dt.tzinfo_opt(vm) {
        Some(tzinfo) => tz::utcoffset(vm, &tzinfo, dt.as_value()),
        None => Ok(None),
    }
}

/// A `datetime` of checked fields.
pub fn new(vm: &mut Vm, ymd: Ymd, clock: Clock, tzinfo: Option<Value>, fold: i32) -> PyResult {
    date::check(vm, ymd)?;
    time::check(vm, clock, fold)?;
    Ok(vm.new_object(DateTime::of(ymd, clock, tzinfo, fold))?.into_value())
}

/// A datetime of `cls`, whose constructor is called unless it is `datetime` itself.
pub fn make(vm: &mut Vm, cls: &Py<PyType>, ymd: Ymd, clock: Clock, tzinfo: Option<&Value>, fold: i32) -> PyResult {
    if cls.is(DateTime::type_object(vm)) {
        date::check(vm, ymd)?;
        time::check(vm, clock, fold)?;
        let tzinfo = tz::check(vm, tzinfo)?;
        return Ok(vm.new_object(DateTime::of(ymd, clock, tzinfo, fold))?.into_value());
    }
    let ((year, month, day), (hour, minute, second, us)) = (ymd, clock);
    let [year, month, day, hour, minute, second, us, bit] = [year, month, day, hour, minute, second, us, fold].map(Value::from_i32);
    let tzinfo = tzinfo.cloned().unwrap_or_else(Value::none);
    if fold == 0 {
        return vm.call(cls.as_value(), &[year, month, day, hour, minute, second, us, tzinfo]);
    }
    let values = [year, month, day, hour, minute, second, us, tzinfo, bit];
    vm.call_args(cls.as_value(), Args::with_keywords(&values, &[n!(fold).to_value()]))
}

/// The datetime `sign` times a duration later, in the same time zone.
pub fn shifted(vm: &mut Vm, dt: &Py<DateTime>, by: Span, sign: i64) -> PyResult {
    let ((year, month, day), (hour, minute, second, us)) = (dt.ymd(), dt.clock());
    let days = i64::from(calendar::to_ordinal(year, month, day)) + sign * i64::from(by.days);
    let seconds = i64::from(hour * 3_600 + minute * 60 + second) + sign * i64::from(by.seconds);
    let (days, seconds, us) = Span::normalized(days, seconds, i64::from(us) + sign * i64::from(by.microseconds));
    if !(1..=i64::from(MAXORDINAL)).contains(&days) {
        return Err(vm.overflow_error("date value out of range"));
    }
    let (ymd, clock) = (calendar::from_ordinal(days as i32), (seconds / 3_600, seconds / 60 % 60, seconds % 60, us));
    let tzinfo = dt.tzinfo_opt(vm);
    if dt.is_exact() {
        return Ok(vm.new_object(DateTime::of(ymd, clock, tzinfo, 0))?.into_value());
    }
    make(vm, &dt.as_value().ty().clone(), ymd, clock, tzinfo.as_ref(), 0)
}

/// The same datetime with another fold.
fn refolded(vm: &mut Vm, dt: &Py<DateTime>, fold: i32) -> PyResult<Py<DateTime>> {
    let copy = DateTime::of(dt.ymd(), dt.clock(), dt.tzinfo_opt(vm), fold);
    vm.new_instance(&dt.as_value().ty().clone(), copy)
}

/// Whether the offset of a datetime depends on its fold; such ones are not equal to any in another time zone (PEP 495).
fn depends_on_fold(vm: &mut Vm, dt: &Py<DateTime>, known: &Option<Py<TimeDelta>>) -> PyResult<bool> {
    if dt.tzinfo.get(vm).as_ref().is_none_or(|tz| tz.is_exact::<TimeZone>()) {
        return Ok(false);
    }
    let flipped = refolded(vm, dt, i32::from(dt.fold == 0))?;
    let other = offset(vm, &flipped)?;
    Ok(other.map(|o| o.span()) != known.as_ref().map(|o| o.span()))
}

/// `a - b`.
fn difference(vm: &mut Vm, a: &Py<DateTime>, b: &Py<DateTime>) -> PyResult<Py<TimeDelta>> {
    let mut micros = a.micros() - b.micros();
    if !a.same_zone(b, vm) {
        match (offset(vm, a)?, offset(vm, b)?) {
            (None, None) => {}
            (Some(a), Some(b)) => micros -= a.span().micros() - b.span().micros(),
            _ => return Err(vm.type_error("can't subtract offset-naive and offset-aware datetimes")),
        }
    }
    let seconds = micros.div_euclid(1_000_000) as i64;
    delta::new(vm, 0, seconds, micros.rem_euclid(1_000_000) as i64)
}

static NEW: Params<9> = Params {
    function: "",
    names: ["year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo", "fold"],
    required: 3,
    positional: 8,
    ints: 7,
};
static ISOFORMAT: Params<2> = Params { function: "isoformat", names: ["sep", "timespec"], required: 0, positional: 2, ints: 0 };
static ASTIMEZONE: Params<1> = Params { function: "astimezone", names: ["tz"], required: 0, positional: 1, ints: 0 };

/// The character that `isoformat()` puts between date and time.
fn separator(vm: &mut Vm, sep: Option<&Value>) -> PyResult<u32> {
    let Some(sep) = sep else { return Ok(u32::from(b'T')) };
    let Some(string) = sep.downcast::<Str>() else { return Err(ISOFORMAT.wrong(vm, 0, "a unicode character", sep)) };
    match string.chars().next() {
        Some(c) if string.len() == 1 => Ok(c),
        _ => {
            let len = string.len();
            Err(vm.type_error(format!("isoformat() argument 1 must be a unicode character, not a string of length {len}")))
        }
    }
}

fn isoformat(vm: &mut Vm, dt: &Py<DateTime>, sep: u32, spec: Timespec) -> PyResult<Py<Str>> {
    let mut line = Line::new();
    line.date(dt.ymd());
    if let Ok(c @ 0..0x80) = u8::try_from(sep) {
        line.push(c).time(dt.clock(), spec);
        if let Some(offset) = offset(vm, dt)? {
            line.offset(offset.span(), b":");
        }
        return line.finish(vm);
    }
    let mut out = StrBuilder::new();
    line.text().iter().for_each(|&c| out.push(u32::from(c)));
    out.push(sep);
    let mut line = Line::new();
    line.time(dt.clock(), spec);
    if let Some(offset) = offset(vm, dt)? {
        line.offset(offset.span(), b":");
    }
    line.text().iter().for_each(|&c| out.push(u32::from(c)));
    out.finish(vm)
}

#[pymethods(parts(constructors, zones))]
impl DateTime {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<DateTime>> {
        if let [state, rest @ ..] = args.positional()
            && rest.len() < 2
            && !state.is_small_int()
            && let Some(state) = pickled::<10>(vm, state, "datetime", |s| sane_month(s[2] & 0x7f))? {
                let tzinfo = GilCell::new(pickled_tzinfo(vm, rest.first())?);
                let [a, b, month, day, hour, minute, second, us2, us1, us0] = state;
                let (base, microsecond) = (Date::from_state([a, b, month & 0x7f, day]), u32::from_be_bytes([0, us2, us1, us0]));
                return vm.new_instance(cls, DateTime { base, hour, minute, second, fold: month >> 7, microsecond, tzinfo });
            }
        let [year, month, day, hour, minute, second, us, tzinfo, fold] = NEW.bind(vm, args)?;
        let ymd = (args::int_or(vm, year, 0)?, args::int_or(vm, month, 0)?, args::int_or(vm, day, 0)?);
        let clock = (args::int_or(vm, hour, 0)?, args::int_or(vm, minute, 0)?, args::int_or(vm, second, 0)?, args::int_or(vm, us, 0)?);
        let fold = args::int_or(vm, fold, 0)?;
        date::check(vm, ymd)?;
        time::check(vm, clock, fold)?;
        let tzinfo = tz::check(vm, tzinfo)?;
        vm.new_instance(cls, DateTime::of(ymd, clock, tzinfo, fold))
    }

    #[getter]
    fn hour(&self) -> i32 {
        i32::from(self.hour)
    }

    #[getter]
    fn minute(&self) -> i32 {
        i32::from(self.minute)
    }

    #[getter]
    fn second(&self) -> i32 {
        i32::from(self.second)
    }

    #[getter]
    fn microsecond(&self) -> i32 {
        self.microsecond as i32
    }

    #[getter]
    fn tzinfo(&self, vm: &mut Vm) -> Option<Value> {
        self.tzinfo_opt(vm)
    }

    #[getter]
    fn fold(&self) -> i32 {
        i32::from(self.fold)
    }

    /// The date of the datetime.
    #[method]
    fn date(&self, vm: &mut Vm) -> PyResult<Py<Date>> {
        vm.new_object(Date::of(self.ymd()))
    }

    /// The time of the datetime, without its time zone.
    #[method]
    fn time(&self, vm: &mut Vm) -> PyResult {
        time::new(vm, self.clock(), None, i32::from(self.fold))
    }

    /// The time of the datetime, with its time zone.
    #[method]
    fn timetz(&self, vm: &mut Vm) -> PyResult {
        let tzinfo = self.tzinfo_opt(vm);
        time::new(vm, self.clock(), tzinfo, i32::from(self.fold))
    }

    /// The datetime as the C library's ctime() shows it.
    #[method]
    fn ctime(&self) -> String {
        text::ctime(self.ymd(), self.hms())
    }

    /// The datetime in the form YYYY-MM-DDTHH:MM:SS.ffffff+HH:MM, with sep in the middle, down to the unit that timespec names: auto, hours,
    /// minutes, seconds, milliseconds or microseconds.
    #[method]
    fn isoformat(zelf: &Py<DateTime>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let [sep, spec] = ISOFORMAT.bind(vm, args)?;
        let sep = separator(vm, sep)?;
        let spec = match spec {
            Some(spec) => Some(ISOFORMAT.text(vm, 1, spec)?),
            None => None,
        };
        let spec = Timespec::parse(vm, spec, zelf.microsecond as i32)?;
        isoformat(vm, zelf, sep, spec)
    }

    /// The datetime with other values in the fields that are given.
    #[method(
        sig = "(year=?, month=?, day=?, hour=?, minute=?, second=?, microsecond=?, tzinfo=?, *, fold=?)",
        text = "(year=unchanged, month=unchanged, day=unchanged,\n        hour=unchanged, minute=unchanged, second=unchanged,\n        microsecond=unchanged, tzinfo=unchanged, *, fold=unchanged)"
    )]
    #[allow(clippy::too_many_arguments, reason = "Python's signature")]
    fn replace(
        zelf: &Py<DateTime>, year: Option<i32>, month: Option<i32>, day: Option<i32>, hour: Option<i32>, minute: Option<i32>, second: Option<i32>,
        microsecond: Option<i32>, tzinfo: Option<Value>, fold: Option<i32>, vm: &mut Vm,
    ) -> PyResult {
        let ((y, m, d), (h, min, s, us)) = (zelf.ymd(), zelf.clock());
        let ymd = (year.unwrap_or(y), month.unwrap_or(m), day.unwrap_or(d));
        let clock = (hour.unwrap_or(h), minute.unwrap_or(min), second.unwrap_or(s), microsecond.unwrap_or(us));
        let tzinfo = tzinfo.or_else(|| zelf.tzinfo_opt(vm));
        make(vm, &zelf.as_value().ty().clone(), ymd, clock, tzinfo.as_ref(), fold.unwrap_or(i32::from(zelf.fold)))
    }

    /// The same as replace().
    #[method(sig = "(year=?, month=?, day=?, hour=?, minute=?, second=?, microsecond=?, tzinfo=?, *, fold=?)", text = "(**changes)")]
    #[allow(clippy::too_many_arguments, reason = "Python's signature")]
    fn __replace__(
        zelf: &Py<DateTime>, year: Option<i32>, month: Option<i32>, day: Option<i32>, hour: Option<i32>, minute: Option<i32>, second: Option<i32>,
        microsecond: Option<i32>, tzinfo: Option<Value>, fold: Option<i32>, vm: &mut Vm,
    ) -> PyResult {
        DateTime::replace(zelf, year, month, day, hour, minute, second, microsecond, tzinfo, fold, vm)
    }

    /// For pickling: the class and its arguments.
    #[method]
    fn __reduce_ex__(zelf: &Py<DateTime>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let [proto] = args::exactly::<1>(vm, "__reduce_ex__", args)?;
        let proto = args::int(vm, proto)?;
        let mut state = zelf.state();
        // Protocol 4 is the first whose readers know of the fold.
        if proto > 3 && zelf.fold != 0 {
            state[2] |= 0x80;
        }
        let mut args = vec![vm.new_bytes(&state)?.into_value()];
        args.extend(zelf.tzinfo_opt(vm));
        let args = vm.new_tuple(args)?.into_value();
        vm.new_tuple([zelf.as_value().ty().to_value(), args])
    }

    /// For pickling: the class and its arguments.
    #[method]
    fn __reduce__(zelf: &Py<DateTime>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        DateTime::__reduce_ex__(zelf, Args::new(&[Value::from_i32(2)]), vm)
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<DateTime>, vm: &mut Vm) -> PyResult {
        let ((year, month, day), (hour, minute, second, us)) = (zelf.ymd(), zelf.clock());
        let numbers = [year, month, day, hour, minute, second, us];
        let shown = if us != 0 { 7 } else if second != 0 { 6 } else { 5 };
        let mut more = if zelf.fold != 0 { ", fold=1".to_owned() } else { String::new() };
        if let Some(tzinfo) = zelf.tzinfo_opt(vm) {
            more.push_str(&format!(", tzinfo={}", vm.repr(&tzinfo)?.to_string_lossy()));
        }
        let text = text::repr(zelf.as_value(), numbers.get(..shown).unwrap_or_default(), &more);
        Ok(vm.new_str(&text)?.into_value())
    }

    #[slot(str)]
    fn slot_str(zelf: &Py<DateTime>, vm: &mut Vm) -> PyResult {
        if zelf.is_exact() {
            let spec = Timespec::parse(vm, None, zelf.microsecond as i32)?;
            return Ok(isoformat(vm, zelf, u32::from(b' '), spec)?.into_value());
        }
        let space = vm.new_str(" ")?.into_value();
        vm.call_method(zelf.as_value(), n!(isoformat), &[space])
    }

    #[slot(hash)]
    fn slot_hash(zelf: &Py<DateTime>, vm: &mut Vm) -> PyResult<i64> {
        let known = zelf.base.hash.get();
        if known != -1 {
            return Ok(known);
        }
        let unfolded = if zelf.fold != 0 { refolded(vm, zelf, 0)? } else { zelf.clone() };
        let hash = match offset(vm, &unfolded)? {
            None => vm.interp.hash_bytes(&zelf.state()),
            Some(offset) => {
                let ((year, month, day), (hour, minute, second, us)) = (zelf.ymd(), zelf.clock());
                let seconds = i64::from(hour * 3_600 + minute * 60 + second);
                let (days, seconds, microseconds) = Span::normalized(i64::from(calendar::to_ordinal(year, month, day)), seconds, i64::from(us));
                delta::add(vm, Span { days: days as i32, seconds, microseconds }, offset.span(), -1)?.hash_value()
            }
        };
        zelf.base.hash.set(hash);
        Ok(hash)
    }

    #[slot(richcompare)]
    fn slot_richcompare(zelf: &Py<DateTime>, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let Some(other) = other.downcast::<DateTime>() else { return Ok(Value::not_implemented()) };
        if zelf.same_zone(other, vm) {
            return Ok(Value::from_bool(op.matches((zelf.ymd(), zelf.clock()).cmp(&(other.ymd(), other.clock())))));
        }
        let (a, b) = (offset(vm, zelf)?, offset(vm, other)?);
        let [in_utc, other_in_utc] = [(zelf, &a), (other, &b)].map(|(dt, o)| dt.micros() - o.as_ref().map_or(0, |o| o.span().micros()));
        if a.is_some() != b.is_some() {
            return match op {
                CompareOp::Eq => Ok(Value::from_bool(false)),
                CompareOp::Ne => Ok(Value::from_bool(true)),
                _ => Err(vm.type_error("can't compare offset-naive and offset-aware datetimes")),
            };
        }
        let mut order = in_utc.cmp(&other_in_utc);
        if order.is_eq() && matches!(op, CompareOp::Eq | CompareOp::Ne) && (depends_on_fold(vm, zelf, &a)? || depends_on_fold(vm, other, &b)?) {
            order = std::cmp::Ordering::Greater;
        }
        Ok(Value::from_bool(op.matches(order)))
    }

    #[slot(add)]
    fn slot_add(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let pair = match (a.downcast::<DateTime>(), b.downcast::<TimeDelta>()) {
            (Some(dt), Some(delta)) => Some((dt, delta)),
            _ => b.downcast::<DateTime>().zip(a.downcast::<TimeDelta>()),
        };
        match pair {
            Some((dt, delta)) => shifted(vm, dt, delta.span(), 1),
            None => Ok(Value::not_implemented()),
        }
    }

    #[slot(sub)]
    fn slot_sub(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let Some(dt) = a.downcast::<DateTime>() else { return Ok(Value::not_implemented()) };
        if let Some(other) = b.downcast::<DateTime>() {
            return Ok(difference(vm, dt, other)?.into_value());
        }
        match b.downcast::<TimeDelta>() {
            Some(delta) => shifted(vm, dt, delta.span(), -1),
            None => Ok(Value::not_implemented()),
        }
    }
}

#[pymethods(part = zones)]
impl DateTime {
    /// The offset from UTC: tzinfo.utcoffset(self).
    #[method]
    fn utcoffset(zelf: &Py<DateTime>, vm: &mut Vm) -> PyResult<Option<Py<TimeDelta>>> {
        offset(vm, zelf)
    }

    /// The name of the time zone: tzinfo.tzname(self).
    #[method]
    fn tzname(zelf: &Py<DateTime>, vm: &mut Vm) -> PyResult {
        match zelf.tzinfo_opt(vm) {
            Some(tzinfo) => tz::tzname(vm, &tzinfo, zelf.as_value()),
            None => Ok(Value::none()),
        }
    }

    /// How much of the offset is due to summer time: tzinfo.dst(self).
    #[method]
    fn dst(zelf: &Py<DateTime>, vm: &mut Vm) -> PyResult<Option<Py<TimeDelta>>> {
        match zelf.tzinfo_opt(vm) {
            Some(tzinfo) => tz::dst(vm, &tzinfo, zelf.as_value()),
            None => Ok(None),
        }
    }

    /// The datetime as a time tuple, as time.localtime() gives one.
    #[method]
    fn timetuple(zelf: &Py<DateTime>, vm: &mut Vm) -> PyResult {
        let summer = DateTime::dst(zelf, vm)?;
        let flag = summer.map_or(-1, |d| i32::from(!d.span().is_zero()));
        struct_time(vm, zelf.ymd(), zelf.hms(), flag)
    }

    /// The datetime in UTC as a time tuple.
    #[method]
    fn utctimetuple(zelf: &Py<DateTime>, vm: &mut Vm) -> PyResult {
        let Some(offset) = offset(vm, zelf)? else { return struct_time(vm, zelf.ymd(), zelf.hms(), 0) };
        let shifted = shifted(vm, zelf, offset.span(), -1)?;
        match shifted.downcast::<DateTime>() {
            Some(dt) => struct_time(vm, dt.ymd(), dt.hms(), 0),
            None => Err(not_a_datetime(vm, &shifted)),
        }
    }

    /// The seconds since the Epoch, as a float.
    #[method]
    fn timestamp(zelf: &Py<DateTime>, vm: &mut Vm) -> PyResult {
        if zelf.tzinfo.get(vm).is_some() {
            let epoch = epoch(vm)?;
            let delta = difference(vm, zelf, &epoch)?;
            return vm.call_method(delta.as_value(), n!(total_seconds), &[]);
        }
        let moment = local::moment_of(vm, zelf.ymd(), zelf.clock(), zelf.fold != 0)?;
        vm.new_float((moment - local::EPOCH) as f64 + f64::from(zelf.microsecond) / 1e6)
    }

    /// The same moment in another time zone; the local one if none is given.
    #[method]
    fn astimezone(zelf: &Py<DateTime>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let [target] = ASTIMEZONE.bind(vm, args)?;
        let target = tz::check(vm, target)?;
        let naive_zone = |vm: &mut Vm| local::zone_of(vm, zelf.ymd(), zelf.clock(), zelf.fold != 0);
        let own = match zelf.tzinfo_opt(vm) {
            Some(tzinfo) => tzinfo,
            None => naive_zone(vm)?,
        };
        if target.as_ref().is_some_and(|t| t.is_same(&own)) {
            return Ok(zelf.to_value());
        }
        let offset = match tz::utcoffset(vm, &own, zelf.as_value())? {
            Some(offset) => offset,
            // Not knowing the offset makes it a naive one, too.
            None => {
                let own = naive_zone(vm)?;
                if target.as_ref().is_some_and(|t| t.is_same(&own)) {
                    return Ok(zelf.to_value());
                }
                match tz::utcoffset(vm, &own, zelf.as_value())? {
                    Some(offset) => offset,
                    None => return Err(vm.value_error("the local time zone has no offset")),
                }
            }
        };
        let result = shifted(vm, zelf, offset.span(), -1)?;
        let Ok(mut result) = result.clone().into_py::<DateTime>() else { return Err(not_a_datetime(vm, &result)) };
        let utc = tz::utc(vm)?.into_value();
        if result.tzinfo.get(vm).is_none() {
            let aware = DateTime::of(result.ymd(), result.clock(), Some(utc.clone()), i32::from(result.fold));
            result = vm.new_instance(&result.as_value().ty().clone(), aware)?;
        } else {
            drop(result.tzinfo.replace(vm, Some(utc)));
        }
        let target = match target {
            Some(target) => target,
            None => {
                let epoch = epoch(vm)?;
                let since = difference(vm, &result, &epoch)?.span();
                local::zone_at(vm, i64::from(since.days) * 86_400 + i64::from(since.seconds))?
            }
        };
        drop(result.tzinfo.replace(vm, Some(target.clone())));
        vm.call_method(&target, n!(fromutc), &[result.into_value()])
    }
}

/// The Epoch in UTC.
fn epoch(vm: &mut Vm) -> PyResult<Py<DateTime>> {
    let utc = tz::utc(vm)?.into_value();
    vm.new_object(DateTime::of((1970, 1, 1), (0, 0, 0, 0), Some(utc), 0))
}

/// TypeError: a subclass's constructor made something else.
#[cold]
fn not_a_datetime(vm: &mut Vm, value: &Value) -> krait_runtime::Raised {
    let got = value.type_name();
    vm.type_error(format!("a datetime is required, not '{got}'"))
}
