//! `time`: a time of day, with or without a time zone.

use super::args::{self, Params};
use super::date::{STRFTIME, invalid_iso, iso_text, pickled, strptime, utf8};
use super::delta::{self, Span, TimeDelta};
use super::text::{self, Line, Timespec};
use super::{iso, tz};
use krait_runtime::types::slots::CompareOp;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyClass, PyResult, Value, Vm, n, pyclass, pymethods};
use std::cell::Cell;

/// A time of day: time(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, *, fold=0).
#[pyclass(module = "datetime", name = "time", flags(BASETYPE))]
#[repr(C)]
pub struct Time {
    hour: u8,
    minute: u8,
    second: u8,
    fold: u8,
    microsecond: u32,
    hash: Cell<i64>,
    tzinfo: Option<Value>,
}

/// Hour, minute, second and microsecond.
pub type Clock = (i32, i32, i32, i32);

/// ValueError unless the fields are in range.
#[inline]
pub fn check(vm: &mut Vm, (hour, minute, second, us): Clock, fold: i32) -> PyResult<()> {
    let wrong = match () {
        () if !(0..24).contains(&hour) => format!("hour must be in 0..23, not {hour}"),
        () if !(0..60).contains(&minute) => format!("minute must be in 0..59, not {minute}"),
        () if !(0..60).contains(&second) => format!("second must be in 0..59, not {second}"),
        () if !(0..1_000_000).contains(&us) => format!("microsecond must be in 0..999999, not {us}"),
        () if !(0..2).contains(&fold) => format!("fold must be either 0 or 1, not {fold}"),
        () => return Ok(()),
    };
    Err(vm.value_error(wrong))
}

/// Whether the time that was read is the end of a day, which is the beginning of the next; ValueError if it goes beyond.
pub fn is_end_of_day(vm: &mut Vm, (hour, minute, second, us): Clock) -> PyResult<bool> {
    match hour {
        24 if (minute, second, us) == (0, 0, 0) => Ok(true),
        24 => Err(vm.value_error("minute, second, and microsecond must be 0 when hour is 24")),
        _ => Ok(false),
    }
}

impl Time {
    /// From fields in range.
    fn of((hour, minute, second, us): Clock, tzinfo: Option<Value>, fold: i32) -> Time {
        Time { hour: hour as u8, minute: minute as u8, second: second as u8, fold: fold as u8, microsecond: us as u32, hash: Cell::new(-1), tzinfo }
    }

    pub fn clock(&self) -> Clock {
        (i32::from(self.hour), i32::from(self.minute), i32::from(self.second), self.microsecond as i32)
    }

    pub fn fold_bit(&self) -> i32 {
        i32::from(self.fold)
    }

    pub fn tzinfo_opt(&self, _vm: &Vm) -> Option<Value> {
        self.tzinfo.clone()
    }

    /// The bytes that pickles hold and hashes are made of.
    fn state(&self) -> [u8; 6] {
        let [_, a, b, c] = self.microsecond.to_be_bytes();
        [self.hour, self.minute, self.second, a, b, c]
    }

    fn offset(&self, vm: &mut Vm) -> PyResult<Option<Py<TimeDelta>>> {
        match &self.tzinfo {
            Some(tzinfo) => tz::utcoffset(vm, tzinfo, &Value::none()),
            None => Ok(None),
        }
    }

    /// Microseconds since midnight.
    fn micros(&self) -> i128 {
        let (hour, minute, second, us) = self.clock();
        i128::from(i64::from(hour * 3_600 + minute * 60 + second) * 1_000_000 + i64::from(us))
    }
}

/// A `time` of checked fields.
pub fn new(vm: &mut Vm, clock: Clock, tzinfo: Option<Value>, fold: i32) -> PyResult {
    check(vm, clock, fold)?;
    Ok(vm.new_object(Time::of(clock, tzinfo, fold))?.into_value())
}

/// A time of `cls`, whose constructor is called unless it is `time` itself.
fn make(vm: &mut Vm, cls: &Py<PyType>, clock: Clock, tzinfo: Option<&Value>, fold: i32) -> PyResult {
    if cls.is(Time::type_object(vm)) {
        check(vm, clock, fold)?;
        let tzinfo = tz::check(vm, tzinfo)?;
        return new(vm, clock, tzinfo, fold);
    }
    let (hour, minute, second, us) = clock;
    let [hour, minute, second, us, fold_value] = [hour, minute, second, us, fold].map(Value::from_i32);
    let tzinfo = tzinfo.cloned().unwrap_or_else(Value::none);
    if fold == 0 {
        return vm.call(cls.as_value(), &[hour, minute, second, us, tzinfo]);
    }
    vm.call_args(cls.as_value(), Args::with_keywords(&[hour, minute, second, us, tzinfo, fold_value], &[n!(fold).to_value()]))
}

static NEW: Params<6> =
    Params { function: "", names: ["hour", "minute", "second", "microsecond", "tzinfo", "fold"], required: 0, positional: 5, ints: 4 };
static ISOFORMAT: Params<1> = Params { function: "isoformat", names: ["timespec"], required: 0, positional: 1, ints: 0 };

/// The time zone in a pickle.
pub fn pickled_tzinfo(vm: &mut Vm, tzinfo: Option<&Value>) -> PyResult<Option<Value>> {
    match tz::check(vm, tzinfo) {
        Ok(tzinfo) => Ok(tzinfo),
        Err(_) => Err(vm.type_error("bad tzinfo state arg")),
    }
}

#[pymethods(parts(formats))]
impl Time {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Time>> {
        if let [state, rest @ ..] = args.positional()
            && rest.len() < 2
            && !state.is_small_int()
            && let Some([hour, minute, second, a, b, c]) = pickled::<6>(vm, state, "time", |s| s[0] & 0x7f < 24)? {
                let tzinfo = pickled_tzinfo(vm, rest.first())?;
                let microsecond = u32::from_be_bytes([0, a, b, c]);
                let time = Time { hour: hour & 0x7f, minute, second, fold: hour >> 7, microsecond, hash: Cell::new(-1), tzinfo };
                return vm.new_instance(cls, time);
            }
        let [hour, minute, second, us, tzinfo, fold] = NEW.bind(vm, args)?;
        let clock = (args::int_or(vm, hour, 0)?, args::int_or(vm, minute, 0)?, args::int_or(vm, second, 0)?, args::int_or(vm, us, 0)?);
        let fold = args::int_or(vm, fold, 0)?;
        check(vm, clock, fold)?;
        let tzinfo = tz::check(vm, tzinfo)?;
        vm.new_instance(cls, Time::of(clock, tzinfo, fold))
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
    fn tzinfo(&self) -> Option<Value> {
        self.tzinfo.clone()
    }

    #[getter]
    fn fold(&self) -> i32 {
        i32::from(self.fold)
    }

    /// The offset from UTC: tzinfo.utcoffset(None).
    #[method]
    fn utcoffset(&self, vm: &mut Vm) -> PyResult<Option<Py<TimeDelta>>> {
        self.offset(vm)
    }

    /// The name of the time zone: tzinfo.tzname(None).
    #[method]
    fn tzname(&self, vm: &mut Vm) -> PyResult {
        match &self.tzinfo {
            Some(tzinfo) => tz::tzname(vm, tzinfo, &Value::none()),
            None => Ok(Value::none()),
        }
    }

    /// How much of the offset is due to summer time: tzinfo.dst(None).
    #[method]
    fn dst(&self, vm: &mut Vm) -> PyResult<Option<Py<TimeDelta>>> {
        match &self.tzinfo {
            Some(tzinfo) => tz::dst(vm, tzinfo, &Value::none()),
            None => Ok(None),
        }
    }

    /// The time with other values in the fields that are given.
    #[method(
        sig = "(hour=?, minute=?, second=?, microsecond=?, tzinfo=?, *, fold=?)",
        text = "(hour=unchanged, minute=unchanged, second=unchanged,\n        microsecond=unchanged, tzinfo=unchanged, *, fold=unchanged)"
    )]
    #[allow(clippy::too_many_arguments, reason = "Python's signature")]
    fn replace(
        zelf: &Py<Time>, hour: Option<i32>, minute: Option<i32>, second: Option<i32>, microsecond: Option<i32>, tzinfo: Option<Value>,
        fold: Option<i32>, vm: &mut Vm,
    ) -> PyResult {
        let (h, m, s, us) = zelf.clock();
        let clock = (hour.unwrap_or(h), minute.unwrap_or(m), second.unwrap_or(s), microsecond.unwrap_or(us));
        let tzinfo = tzinfo.or_else(|| zelf.tzinfo.clone());
        make(vm, &zelf.as_value().ty().clone(), clock, tzinfo.as_ref(), fold.unwrap_or(i32::from(zelf.fold)))
    }

    /// The same as replace().
    #[method(sig = "(hour=?, minute=?, second=?, microsecond=?, tzinfo=?, *, fold=?)", text = "(**changes)")]
    #[allow(clippy::too_many_arguments, reason = "Python's signature")]
    fn __replace__(
        zelf: &Py<Time>, hour: Option<i32>, minute: Option<i32>, second: Option<i32>, microsecond: Option<i32>, tzinfo: Option<Value>,
        fold: Option<i32>, vm: &mut Vm,
    ) -> PyResult {
        Time::replace(zelf, hour, minute, second, microsecond, tzinfo, fold, vm)
    }

    #[slot(hash)]
    fn slot_hash(zelf: &Py<Time>, vm: &mut Vm) -> PyResult<i64> {
        if zelf.hash.get() != -1 {
            return Ok(zelf.hash.get());
        }
        // The method of the time zone gets None, so that the fold does not matter.
        let hash = match zelf.offset(vm)? {
            None => vm.interp.hash_bytes(&zelf.state()),
            Some(offset) => {
                let (hour, minute, second, us) = zelf.clock();
                let (days, seconds, microseconds) = Span::normalized(0, i64::from(hour * 3_600 + minute * 60 + second), i64::from(us));
                let since_midnight = Span { days: days as i32, seconds, microseconds };
                delta::add(vm, since_midnight, offset.span(), -1)?.hash_value()
            }
        };
        zelf.hash.set(hash);
        Ok(hash)
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let Some(other) = other.downcast::<Time>() else { return Ok(Value::not_implemented()) };
        let same_zone = match (&self.tzinfo, &other.tzinfo) {
            (None, None) => true,
            (Some(a), Some(b)) => a.is_same(b),
            _ => false,
        };
        if same_zone {
            return Ok(Value::from_bool(op.matches(self.clock().cmp(&other.clock()))));
        }
        let (a, b) = (self.offset(vm)?, other.offset(vm)?);
        match (a, b) {
            (None, None) => Ok(Value::from_bool(op.matches(self.clock().cmp(&other.clock())))),
            (Some(a), Some(b)) => {
                let (a, b) = (self.micros() - a.span().micros(), other.micros() - b.span().micros());
                Ok(Value::from_bool(op.matches(a.cmp(&b))))
            }
            _ => match op {
                CompareOp::Eq => Ok(Value::from_bool(false)),
                CompareOp::Ne => Ok(Value::from_bool(true)),
                _ => Err(vm.type_error("can't compare offset-naive and offset-aware times")),
            },
        }
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Time>, vm: &mut Vm) -> PyResult {
        let (hour, minute, second, us) = zelf.clock();
        let numbers = [hour, minute, second, us];
        let shown = if us != 0 { 4 } else if second != 0 { 3 } else { 2 };
        let mut more = String::new();
        if let Some(tzinfo) = &zelf.tzinfo {
            more = format!(", tzinfo={}", vm.repr(tzinfo)?.to_string_lossy());
        }
        if zelf.fold != 0 {
            more.push_str(", fold=1");
        }
        let text = text::repr(zelf.as_value(), numbers.get(..shown).unwrap_or_default(), &more);
        Ok(vm.new_str(&text)?.into_value())
    }

    #[slot(str)]
    fn slot_str(zelf: &Py<Time>, vm: &mut Vm) -> PyResult {
        vm.call_method(zelf.as_value(), n!(isoformat), &[])
    }
}

#[pymethods(part = formats)]
impl Time {
    /// The time that a text in ISO 8601 form denotes.
    #[classmethod(sig = "(object, /)")]
    fn fromisoformat(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        let string = iso_text(vm, object)?;
        let read = utf8(string).and_then(|t| iso::time(t.strip_prefix(b"T").unwrap_or(&t)).ok());
        let Some((clock, zone)) = read else { return Err(invalid_iso(vm, object)) };
        let clock = if is_end_of_day(vm, clock)? { (0, 0, 0, 0) } else { clock };
        let tzinfo = match zone {
            Some((seconds, micros)) => Some(tz::of_seconds(vm, seconds, micros)?),
            None => None,
        };
        make(vm, cls, clock, tzinfo.as_ref(), 0)
    }

    /// The time that a text denotes which is laid out by a format.
    #[classmethod]
    fn strptime(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        strptime(vm, cls, args, "_strptime_datetime_time")
    }

    /// The time in the form HH:MM:SS.ffffff+HH:MM, down to the unit that timespec names: auto, hours, minutes, seconds, milliseconds or
    /// microseconds.
    #[method]
    fn isoformat(zelf: &Py<Time>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let [spec] = ISOFORMAT.bind(vm, args)?;
        let spec = match spec {
            Some(spec) => Some(ISOFORMAT.text(vm, 0, spec)?),
            None => None,
        };
        let spec = Timespec::parse(vm, spec, zelf.microsecond as i32)?;
        let mut line = Line::new();
        line.time(zelf.clock(), spec);
        if let Some(offset) = zelf.offset(vm)? {
            line.offset(offset.span(), b":");
        }
        line.finish(vm)
    }

    /// The time laid out by a format.
    #[method]
    fn strftime(zelf: &Py<Time>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let [format] = STRFTIME.bind(vm, args)?;
        let none = Value::none();
        let format = STRFTIME.text(vm, 0, format.unwrap_or(&none))?;
        // A date that the C library takes.
        let (hour, minute, second, _) = zelf.clock();
        let tuple = vm.new_tuple([1900, 1, 1, hour, minute, second, 0, 1, -1].map(Value::from_i32))?.into_value();
        text::strftime(vm, zelf.as_value(), format, &tuple, &Value::none())
    }

    /// The time laid out by a format, or as str() gives it without one.
    #[method]
    fn __format__(zelf: &Py<Time>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let [format] = args::exactly::<1>(vm, "__format__", args)?;
        let format = args::text_at(vm, "__format__", 0, format)?;
        text::format(vm, zelf.as_value(), format)
    }

    /// For pickling: the class and its arguments.
    #[method]
    fn __reduce_ex__(zelf: &Py<Time>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let [proto] = args::exactly::<1>(vm, "__reduce_ex__", args)?;
        let proto = args::int(vm, proto)?;
        let mut state = zelf.state();
        // Protocol 4 is the first whose readers know of the fold.
        if proto > 3 && zelf.fold != 0 {
            state[0] |= 0x80;
        }
        let mut args = vec![vm.new_bytes(&state)?.into_value()];
        args.extend(zelf.tzinfo.clone());
        let args = vm.new_tuple(args)?.into_value();
        vm.new_tuple([zelf.as_value().ty().to_value(), args])
    }

    /// For pickling: the class and its arguments.
    #[method]
    fn __reduce__(zelf: &Py<Time>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        Time::__reduce_ex__(zelf, Args::new(&[Value::from_i32(2)]), vm)
    }
}
