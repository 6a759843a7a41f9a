//! `tzinfo` and `timezone`, and the calls of a time zone's methods.

use super::State;
use super::args::Params;
use super::datetime::{self, DateTime};
use super::delta::{self, Span, TimeDelta};
use super::text::Line;
use krait_runtime::types::slots::CompareOp;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyResult, Raised, Value, Vm, n, pyclass, pymethods};

/// The base of all time zones: subclasses say how far a time is from UTC, and why.
#[pyclass(module = "datetime", name = "tzinfo", flags(BASETYPE))]
#[repr(C)]
pub struct TzInfo {}

/// A time zone with a fixed offset from UTC.
#[pyclass(module = "datetime", name = "timezone", base = TzInfo)]
#[repr(C)]
pub struct TimeZone {
    base: TzInfo,
    offset: Py<TimeDelta>,
    name: Option<Value>,
}

/// TypeError unless `value` is None or a time zone; which it is.
#[inline]
pub fn check(vm: &mut Vm, value: Option<&Value>) -> PyResult<Option<Value>> {
    match value {
        None => Ok(None),
        Some(v) if v.is_none() => Ok(None),
        Some(v) if v.is::<TzInfo>() => Ok(Some(v.clone())),
        Some(v) => {
            let got = v.type_name();
            Err(vm.type_error(format!("tzinfo argument must be None or of a tzinfo subclass, not type '{got}'")))
        }
    }
}

#[cold]
fn wrong_offset(vm: &mut Vm, offset: &Py<TimeDelta>) -> Raised {
    match vm.repr(offset.as_value()) {
        Ok(shown) => {
            let shown = shown.to_string_lossy();
            vm.value_error(format!("offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24), not {shown}"))
        }
        Err(raised) => raised,
    }
}

/// What a time zone's method `name` says of `argument`: none, or an offset of less than a day.
fn call_offset(vm: &mut Vm, tzinfo: &Value, name: &Py<Str>, argument: &Value) -> PyResult<Option<Py<TimeDelta>>> {
    let result = vm.call_method(tzinfo, name, std::slice::from_ref(argument))?;
    if result.is_none() {
        return Ok(None);
    }
    match result.into_py::<TimeDelta>() {
        Ok(offset) if offset.span().is_offset() => Ok(Some(offset)),
        Ok(offset) => Err(wrong_offset(vm, &offset)),
        Err(other) => {
            let (name, got) = (name.to_string_lossy().into_owned(), other.type_name());
            Err(vm.type_error(format!("tzinfo.{name}() must return None or timedelta, not '{got}'")))
        }
    }
}

/// `tzinfo.utcoffset(argument)`.
pub fn utcoffset(vm: &mut Vm, tzinfo: &Value, argument: &Value) -> PyResult<Option<Py<TimeDelta>>> {
    match tzinfo.downcast_exact::<TimeZone>() {
        Some(zone) => Ok(Some(zone.offset.clone())),
        None => call_offset(vm, tzinfo, n!(utcoffset), argument),
    }
}

/// `tzinfo.dst(argument)`.
pub fn dst(vm: &mut Vm, tzinfo: &Value, argument: &Value) -> PyResult<Option<Py<TimeDelta>>> {
    call_offset(vm, tzinfo, n!(dst), argument)
}

/// `tzinfo.tzname(argument)`: a string or None.
pub fn tzname(vm: &mut Vm, tzinfo: &Value, argument: &Value) -> PyResult {
    let name = vm.call_method(tzinfo, n!(tzname), std::slice::from_ref(argument))?;
    if name.is_none() || name.is::<Str>() {
        return Ok(name);
    }
    let got = name.type_name();
    Err(vm.type_error(format!("tzinfo.tzname() must return None or a string, not '{got}'")))
}

/// The time zone UTC, of which there is one.
pub fn utc(vm: &mut Vm) -> PyResult<Py<TimeZone>> {
    let state = vm.state::<State>();
    if let Some(utc) = state.utc.get(vm) {
        return Ok(utc.clone());
    }
    let offset = delta::from_span(vm, Span { days: 0, seconds: 0, microseconds: 0 })?;
    let utc = vm.new_object(TimeZone { base: TzInfo {}, offset, name: None })?;
    drop(state.utc.replace(vm, Some(utc.clone())));
    Ok(utc)
}

/// A time zone of an offset; UTC itself if it is that.
pub fn new(vm: &mut Vm, offset: &Py<TimeDelta>, name: Option<Value>) -> PyResult<Py<TimeZone>> {
    if name.is_none() && offset.span().is_zero() {
        return utc(vm);
    }
    if !offset.span().is_offset() {
        return Err(wrong_offset(vm, offset));
    }
    vm.new_object(TimeZone { base: TzInfo {}, offset: offset.clone(), name })
}

/// The time zone of an offset in seconds and microseconds.
pub fn of_seconds(vm: &mut Vm, seconds: i32, micros: i32) -> PyResult {
    let offset = delta::new(vm, 0, i64::from(seconds), i64::from(micros))?;
    Ok(new(vm, &offset, None)?.into_value())
}

/// The datetime that `fromutc()` gets; it must have the time zone itself.
fn own_datetime<'a>(vm: &mut Vm, zelf: &Value, dt: &'a Value) -> PyResult<&'a Py<DateTime>> {
    let Some(dt) = dt.downcast::<DateTime>() else { return Err(vm.type_error("fromutc: argument must be a datetime")) };
    match dt.tzinfo_opt(vm) {
        Some(tzinfo) if tzinfo.is_same(zelf) => Ok(dt),
        _ => Err(vm.value_error("fromutc: dt.tzinfo is not self")),
    }
}

#[pymethods]
impl TzInfo {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<TzInfo>> {
        let _ = args;
        vm.new_instance(cls, TzInfo {})
    }

    /// The name of the time zone at a datetime.
    #[method(sig = "(object, /)")]
    fn tzname(&self, object: &Value, vm: &mut Vm) -> PyResult {
        let _ = object;
        Err(vm.not_implemented_error("a tzinfo subclass must implement tzname()"))
    }

    /// The offset from UTC at a datetime, as a timedelta that is positive in the east.
    #[method(sig = "(object, /)")]
    fn utcoffset(&self, object: &Value, vm: &mut Vm) -> PyResult {
        let _ = object;
        Err(vm.not_implemented_error("a tzinfo subclass must implement utcoffset()"))
    }

    /// How much of the offset at a datetime is due to summer time, as a timedelta.
    #[method(sig = "(object, /)")]
    fn dst(&self, object: &Value, vm: &mut Vm) -> PyResult {
        let _ = object;
        Err(vm.not_implemented_error("a tzinfo subclass must implement dst()"))
    }

    /// The local time of a datetime in UTC that has this time zone.
    #[method(sig = "(object, /)")]
    fn fromutc(zelf: &Py<TzInfo>, object: &Value, vm: &mut Vm) -> PyResult {
        let zone = zelf.as_value();
        let dt = own_datetime(vm, zone, object)?;
        let Some(offset) = utcoffset(vm, zone, object)? else {
            return Err(vm.value_error("fromutc: non-None utcoffset() result required"));
        };
        let Some(summer) = dst(vm, zone, object)? else {
            return Err(vm.value_error("fromutc: non-None dst() result required"));
        };
        let standard = delta::add(vm, offset.span(), summer.span(), -1)?;
        let result = datetime::shifted(vm, dt, standard.span(), 1)?;
        let Some(summer) = dst(vm, zone, &result)? else {
            return Err(vm.value_error("fromutc: tz.dst() gave inconsistent results; cannot convert"));
        };
        match result.downcast::<DateTime>() {
            Some(dt) if !summer.span().is_zero() => datetime::shifted(vm, &dt.clone(), summer.span(), 1),
            _ => Ok(result),
        }
    }

    /// For pickling: the class, what __getinitargs__() gives if there is one, and the state.
    #[method]
    fn __reduce__(zelf: &Py<TzInfo>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let zone = zelf.as_value();
        let args = match vm.getattr_opt(zone, n!(__getinitargs__))? {
            Some(method) => vm.call(&method, &[])?,
            None => vm.new_tuple([])?.into_value(),
        };
        let state = vm.call_method(zone, n!(__getstate__), &[])?;
        vm.new_tuple([zone.ty().to_value(), args, state])
    }
}

/// TypeError unless the argument of a method of `timezone` is a datetime or None.
fn check_argument(vm: &mut Vm, method: &str, dt: &Value) -> PyResult<()> {
    if dt.is_none() || dt.is::<DateTime>() {
        return Ok(());
    }
    let got = dt.type_name();
    Err(vm.type_error(format!("{method}(dt) argument must be a datetime instance or None, not {got}")))
}

impl TimeZone {
    fn text(&self, vm: &mut Vm) -> PyResult {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        let mut line = Line::new();
        line.ascii(b"UTC");
        if !self.offset.span().is_zero() {
            line.offset(self.offset.span(), b":");
        }
        Ok(line.finish(vm)?.into_value())
    }
}

static NEW: Params<2> = Params { function: "timezone", names: ["offset", "name"], required: 1, positional: 2, ints: 0 };

#[pymethods]
impl TimeZone {
    #[new]
    fn new(_cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<TimeZone>> {
        let [offset, name] = NEW.bind(vm, args)?;
        let none = Value::none();
        let offset = offset.unwrap_or(&none);
        let Some(delta) = offset.downcast::<TimeDelta>() else { return Err(NEW.wrong(vm, 0, "datetime.timedelta", offset)) };
        if let Some(name) = name {
            NEW.text(vm, 1, name)?;
        }
        new(vm, delta, name.cloned())
    }

    /// The name, or the offset in the form UTC+HH:MM.
    #[method(sig = "(object, /)")]
    fn tzname(&self, object: &Value, vm: &mut Vm) -> PyResult {
        check_argument(vm, "tzname", object)?;
        self.text(vm)
    }

    /// The fixed offset.
    #[method(sig = "(object, /)")]
    fn utcoffset(&self, object: &Value, vm: &mut Vm) -> PyResult<Py<TimeDelta>> {
        check_argument(vm, "utcoffset", object)?;
        Ok(self.offset.clone())
    }

    /// None: nothing is known of summer time.
    #[method(sig = "(object, /)")]
    fn dst(&self, object: &Value, vm: &mut Vm) -> PyResult<()> {
        check_argument(vm, "dst", object)
    }

    /// The local time of a datetime in UTC that has this time zone.
    #[method(sig = "(object, /)")]
    fn fromutc(zelf: &Py<TimeZone>, object: &Value, vm: &mut Vm) -> PyResult {
        let dt = own_datetime(vm, zelf.as_value(), object)?;
        datetime::shifted(vm, dt, zelf.offset.span(), 1)
    }

    /// For pickling: the constructor's arguments.
    #[method]
    fn __getinitargs__(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let mut args = vec![self.offset.to_value()];
        args.extend(self.name.clone());
        vm.new_tuple(args)
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<TimeZone>, vm: &mut Vm) -> PyResult<String> {
        let class = zelf.as_value().type_name();
        if utc(vm)?.is(zelf) {
            return Ok(format!("{class}.utc"));
        }
        let mut out = format!("{class}({}", vm.repr(zelf.offset.as_value())?.to_string_lossy());
        if let Some(name) = &zelf.name {
            out.push_str(", ");
            out.push_str(&vm.repr(name)?.to_string_lossy());
        }
        out.push(')');
        Ok(out)
    }

    #[slot(str)]
    fn slot_str(&self, vm: &mut Vm) -> PyResult {
        self.text(vm)
    }

    #[slot(hash)]
    fn slot_hash(&self, _vm: &mut Vm) -> PyResult<i64> {
        Ok(self.offset.hash_value())
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, _vm: &mut Vm) -> PyResult {
        Ok(match (other.downcast::<TimeZone>(), op) {
            (Some(other), CompareOp::Eq | CompareOp::Ne) => Value::from_bool(op.matches(self.offset.span().cmp(&other.offset.span()))),
            _ => Value::not_implemented(),
        })
    }
}
