//! `date`, and what `isocalendar()` gives.

use super::args::{self, Params};
use super::calendar::{self, MAXORDINAL, MAXYEAR, MINYEAR};
use super::datetime::{self, DateTime};
use super::delta::{self, TimeDelta};
use super::text::{self, Line};
use super::{iso, struct_time};
use crate::time::{Round, broken_down, to_time_t};
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::exceptions::OverflowError;
use krait_runtime::types::slots::CompareOp;
use krait_runtime::types::str_::{Str, StrData};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyClass, PyResult, Value, Vm, n, pyclass, pymethods};
use std::cell::Cell;

/// A day of the calendar: date(year, month, day).
#[pyclass(module = "datetime", name = "date", flags(BASETYPE))]
#[repr(C)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
    /// -1 while not computed; that of a datetime when this is one.
    pub(super) hash: Cell<i64>,
}

impl Date {
    /// From fields in range.
    pub fn of((year, month, day): (i32, i32, i32)) -> Date {
        Date { year: year as u16, month: month as u8, day: day as u8, hash: Cell::new(-1) }
    }

    #[inline]
    pub fn ymd(&self) -> (i32, i32, i32) {
        (i32::from(self.year), i32::from(self.month), i32::from(self.day))
    }

    /// The bytes that pickles hold and hashes are made of.
    pub fn state(&self) -> [u8; 4] {
        let [high, low] = self.year.to_be_bytes();
        [high, low, self.month, self.day]
    }

    /// From what [`Date::state`] gives.
    pub fn from_state([high, low, month, day]: [u8; 4]) -> Date {
        Date { year: u16::from_be_bytes([high, low]), month, day, hash: Cell::new(-1) }
    }
}

/// ValueError unless there is such a date.
#[inline]
pub fn check(vm: &mut Vm, (year, month, day): (i32, i32, i32)) -> PyResult<()> {
    if (MINYEAR..=MAXYEAR).contains(&year) && (1..=12).contains(&month) && day >= 1 && (day <= 28 || day <= calendar::days_in_month(year, month)) {
        return Ok(());
    }
    Err(wrong_date(vm, (year, month, day)))
}

#[cold]
fn wrong_date(vm: &mut Vm, (year, month, day): (i32, i32, i32)) -> krait_runtime::Raised {
    if !(MINYEAR..=MAXYEAR).contains(&year) {
        return wrong_year(vm, year);
    }
    if !(1..=12).contains(&month) {
        return vm.value_error(format!("month must be in 1..12, not {month}"));
    }
    let last = calendar::days_in_month(year, month);
    vm.value_error(format!("day {day} must be in range 1..{last} for month {month} in year {year}"))
}

/// ValueError about a year out of range.
#[cold]
pub fn wrong_year(vm: &mut Vm, year: i32) -> krait_runtime::Raised {
    vm.value_error(format!("year must be in {MINYEAR}..{MAXYEAR}, not {year}"))
}

/// A date of `cls`, whose constructor is called unless it is `date` or `datetime` itself.
fn make(vm: &mut Vm, cls: &Py<PyType>, ymd: (i32, i32, i32)) -> PyResult {
    if cls.is(Date::type_object(vm)) {
        check(vm, ymd)?;
        return Ok(vm.new_object(Date::of(ymd))?.into_value());
    }
    if cls.is(DateTime::type_object(vm)) {
        return datetime::new(vm, ymd, (0, 0, 0, 0), None, 0);
    }
    vm.call(cls.as_value(), &[ymd.0, ymd.1, ymd.2].map(Value::from_i32))
}

/// The bytes of a pickle of `N` bytes, given as bytes or, by Python 2's pickles, as Latin-1 characters; `sane` looks at the one that tells them from
/// other arguments.
pub fn pickled<const N: usize>(vm: &mut Vm, value: &Value, kind: &str, sane: impl Fn(&[u32; N]) -> bool) -> PyResult<Option<[u8; N]>> {
    if let Some(bytes) = value.downcast::<Bytes>() {
        let Ok(state) = <[u8; N]>::try_from(bytes.as_bytes()) else { return Ok(None) };
        return Ok(Some(state).filter(|s| sane(&s.map(u32::from))));
    }
    let Some(string) = value.downcast::<Str>().filter(|s| s.len() == N) else { return Ok(None) };
    let mut chars = [0; N];
    chars.iter_mut().zip(string.chars()).for_each(|(slot, c)| *slot = c);
    if !sane(&chars) {
        return Ok(None);
    }
    if chars.iter().any(|&c| c > 0xff) {
        return Err(vm.value_error(format!(
            "Failed to encode latin1 string when unpickling a {kind} object. pickle.load(data, encoding='latin1') is assumed."
        )));
    }
    Ok(Some(chars.map(|c| c as u8)))
}

/// Whether a month is one, which tells pickles from years.
pub fn sane_month(month: u32) -> bool {
    (1..=12).contains(&month)
}

/// ValueError about a text that is no date or time.
#[cold]
pub fn invalid_iso(vm: &mut Vm, text: &Value) -> krait_runtime::Raised {
    match vm.repr(text) {
        Ok(shown) => vm.value_error(format!("Invalid isoformat string: {}", shown.to_string_lossy())),
        Err(raised) => raised,
    }
}

/// The argument of `fromisoformat()`.
pub fn iso_text<'a>(vm: &mut Vm, text: &'a Value) -> PyResult<&'a Py<Str>> {
    match text.downcast::<Str>() {
        Some(s) => Ok(s),
        None => Err(vm.type_error("fromisoformat: argument must be str")),
    }
}

/// A text as UTF-8; none with surrogates.
pub fn utf8(text: &Str) -> Option<std::borrow::Cow<'_, [u8]>> {
    match text.data() {
        StrData::Ascii(s) => Some(s.as_bytes().into()),
        _ => text.to_text().as_str().map(|s| s.as_bytes().to_vec().into()),
    }
}

/// `strptime()` of a class, by a function of the module `_strptime`.
pub fn strptime(vm: &mut Vm, cls: &Py<PyType>, args: Args<'_>, function: &str) -> PyResult {
    let [string, format] = args::exactly::<2>(vm, "strptime", args)?;
    args::text_at(vm, "strptime", 0, string)?;
    args::text_at(vm, "strptime", 1, format)?;
    let module = vm.import_module("_strptime")?;
    let function = vm.getattr_str(&module, function)?;
    vm.call(&function, &[cls.to_value(), string.clone(), format.clone()])
}

/// A date that many days later.
fn shifted(vm: &mut Vm, date: &Py<Date>, days: i64) -> PyResult {
    let (year, month, day) = date.ymd();
    let ordinal = i64::from(calendar::to_ordinal(year, month, day)) + days;
    if !(1..=i64::from(MAXORDINAL)).contains(&ordinal) {
        return Err(vm.overflow_error("date value out of range"));
    }
    make(vm, &date.as_value().ty().clone(), calendar::from_ordinal(ordinal as i32))
}

static NEW: Params<3> = Params { function: "", names: ["year", "month", "day"], required: 3, positional: 3, ints: 3 };
static FROM_ISO_CALENDAR: Params<3> = Params { function: "fromisocalendar", names: ["year", "week", "day"], required: 3, positional: 3, ints: 3 };
pub static STRFTIME: Params<1> = Params { function: "strftime", names: ["format"], required: 1, positional: 1, ints: 0 };

#[pymethods(parts(classmethods))]
impl Date {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Date>> {
        if let [state] = args.positional()
            && !state.is_small_int()
            && let Some(state) = pickled::<4>(vm, state, "date", |s| sane_month(s[2]))? {
                return vm.new_instance(cls, Date::from_state(state));
            }
        let [year, month, day] = NEW.bind(vm, args)?;
        let ymd = (args::int_or(vm, year, 0)?, args::int_or(vm, month, 0)?, args::int_or(vm, day, 0)?);
        check(vm, ymd)?;
        vm.new_instance(cls, Date::of(ymd))
    }

    #[getter]
    fn year(&self) -> i32 {
        i32::from(self.year)
    }

    #[getter]
    fn month(&self) -> i32 {
        i32::from(self.month)
    }

    #[getter]
    fn day(&self) -> i32 {
        i32::from(self.day)
    }

    /// The date as the C library's ctime() shows it, at midnight.
    #[method]
    fn ctime(&self) -> String {
        text::ctime(self.ymd(), (0, 0, 0))
    }

    /// The date laid out by a format.
    #[method]
    fn strftime(zelf: &Py<Date>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let [format] = STRFTIME.bind(vm, args)?;
        let none = Value::none();
        let format = STRFTIME.text(vm, 0, format.unwrap_or(&none))?;
        // Subclasses have time tuples of their own.
        let tuple = vm.call_method(zelf.as_value(), n!(timetuple), &[])?;
        text::strftime(vm, zelf.as_value(), format, &tuple, zelf.as_value())
    }

    /// The date laid out by a format, or as str() gives it without one.
    #[method]
    fn __format__(zelf: &Py<Date>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let [format] = args::exactly::<1>(vm, "__format__", args)?;
        let format = args::text_at(vm, "__format__", 0, format)?;
        text::format(vm, zelf.as_value(), format)
    }

    /// The date as a time tuple, as time.localtime() gives one.
    #[method]
    fn timetuple(&self, vm: &mut Vm) -> PyResult {
        struct_time(vm, self.ymd(), (0, 0, 0), -1)
    }

    /// ISO year, week and weekday as a named tuple.
    #[method]
    fn isocalendar(&self, vm: &mut Vm) -> PyResult {
        let (year, month, day) = self.ymd();
        let (year, week, weekday) = calendar::iso_calendar(year, month, day);
        let ty = IsoCalendarDate::static_type().ready(vm)?;
        Ok(vm.new_tuple_of(ty, [year, week, weekday].map(Value::from_i32))?.into_value())
    }

    /// The date in the form YYYY-MM-DD.
    #[method]
    fn isoformat(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        Line::new().date(self.ymd()).finish(vm)
    }

    /// The day of the week, from 1 for Monday to 7.
    #[method]
    fn isoweekday(&self) -> i32 {
        let (year, month, day) = self.ymd();
        calendar::weekday(year, month, day) + 1
    }

    /// The number of the day, 1 January of year 1 being day 1.
    #[method]
    fn toordinal(&self) -> i32 {
        let (year, month, day) = self.ymd();
        calendar::to_ordinal(year, month, day)
    }

    /// The day of the week, from 0 for Monday to 6.
    #[method]
    fn weekday(&self) -> i32 {
        let (year, month, day) = self.ymd();
        calendar::weekday(year, month, day)
    }

    /// The date with other values in the fields that are given.
    #[method(sig = "(year=?, month=?, day=?)", text = "(year=unchanged, month=unchanged, day=unchanged)")]
    fn replace(zelf: &Py<Date>, year: Option<i32>, month: Option<i32>, day: Option<i32>, vm: &mut Vm) -> PyResult {
        let old = zelf.ymd();
        make(vm, &zelf.as_value().ty().clone(), (year.unwrap_or(old.0), month.unwrap_or(old.1), day.unwrap_or(old.2)))
    }

    /// The same as replace().
    #[method(sig = "(year=?, month=?, day=?)", text = "(**changes)")]
    fn __replace__(zelf: &Py<Date>, year: Option<i32>, month: Option<i32>, day: Option<i32>, vm: &mut Vm) -> PyResult {
        Date::replace(zelf, year, month, day, vm)
    }

    /// For pickling: the class and its arguments.
    #[method]
    fn __reduce__(zelf: &Py<Date>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let state = vm.new_bytes(&zelf.state())?.into_value();
        let args = vm.new_tuple([state])?.into_value();
        vm.new_tuple([zelf.as_value().ty().to_value(), args])
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Date>) -> String {
        let (year, month, day) = zelf.ymd();
        text::repr(zelf.as_value(), &[year, month, day], "")
    }

    #[slot(str)]
    fn slot_str(zelf: &Py<Date>, vm: &mut Vm) -> PyResult {
        if zelf.is_exact() { Ok(zelf.isoformat(vm)?.into_value()) } else { vm.call_method(zelf.as_value(), n!(isoformat), &[]) }
    }

    #[slot(hash)]
    fn slot_hash(&self, vm: &mut Vm) -> PyResult<i64> {
        if self.hash.get() == -1 {
            self.hash.set(vm.interp.hash_bytes(&self.state()));
        }
        Ok(self.hash.get())
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, _vm: &mut Vm) -> PyResult {
        // A datetime is a date by inheritance only.
        Ok(match other.downcast::<Date>() {
            Some(other) if !other.as_value().is::<DateTime>() => Value::from_bool(op.matches(self.ymd().cmp(&other.ymd()))),
            _ => Value::not_implemented(),
        })
    }

    #[slot(add)]
    fn slot_add(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let pair = match (a.downcast::<Date>(), b.downcast::<TimeDelta>()) {
            (Some(date), Some(delta)) => Some((date, delta)),
            _ => b.downcast::<Date>().zip(a.downcast::<TimeDelta>()),
        };
        match pair {
            Some((date, delta)) if !date.as_value().is::<DateTime>() => shifted(vm, date, i64::from(delta.days)),
            _ => Ok(Value::not_implemented()),
        }
    }

    #[slot(sub)]
    fn slot_sub(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        if a.is::<DateTime>() || b.is::<DateTime>() {
            return Ok(Value::not_implemented());
        }
        let Some(date) = a.downcast::<Date>() else { return Ok(Value::not_implemented()) };
        if let Some(other) = b.downcast::<Date>() {
            return Ok(delta::new(vm, i64::from(date.toordinal()) - i64::from(other.toordinal()), 0, 0)?.into_value());
        }
        match b.downcast::<TimeDelta>() {
            Some(delta) => shifted(vm, date, -i64::from(delta.days)),
            None => Ok(Value::not_implemented()),
        }
    }
}

#[pymethods(part = classmethods)]
impl Date {
    /// The local date of a number of seconds since the Epoch.
    #[classmethod(sig = "(timestamp, /)")]
    fn fromtimestamp(cls: &Py<PyType>, timestamp: &Value, vm: &mut Vm) -> PyResult {
        let at = to_time_t(vm, timestamp, Round::Floor)?;
        let tm = broken_down(vm, at, true)?;
        make(vm, cls, (tm.tm_year.saturating_add(1900), tm.tm_mon + 1, tm.tm_mday))
    }

    /// The date with a number, 1 January of year 1 being day 1.
    #[classmethod]
    fn fromordinal(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let [ordinal] = args::exactly::<1>(vm, "fromordinal", args)?;
        let ordinal = args::int(vm, ordinal)?;
        if ordinal < 1 {
            return Err(vm.value_error("ordinal must be >= 1"));
        }
        make(vm, cls, calendar::from_ordinal(ordinal))
    }

    /// The date that a text in ISO 8601 form denotes.
    #[classmethod(sig = "(object, /)")]
    fn fromisoformat(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        let string = iso_text(vm, object)?;
        let read = utf8(string).filter(|t| matches!(t.len(), 7 | 8 | 10)).and_then(|t| iso::date(&t, t.len()).ok());
        match read {
            Some(ymd) => make(vm, cls, ymd),
            None => Err(invalid_iso(vm, object)),
        }
    }

    /// The date of an ISO year, week and weekday; the inverse of isocalendar().
    #[classmethod]
    fn fromisocalendar(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let bound = FROM_ISO_CALENDAR.bind(vm, args)?;
        let mut fields = [0; 3];
        for (slot, value) in fields.iter_mut().zip(bound) {
            *slot = match args::int_or(vm, value, 0) {
                Err(raised) if vm.is_raised::<OverflowError>(&raised) => return Err(vm.value_error("ISO calendar component out of range")),
                field => field?,
            };
        }
        let [year, week, day] = fields;
        match calendar::from_iso_calendar(year, week, day) {
            Ok(ymd) => make(vm, cls, ymd),
            Err(calendar::IsoError::Year) => Err(wrong_year(vm, year)),
            Err(calendar::IsoError::Week) => Err(vm.value_error(format!("Invalid week: {week}"))),
            Err(calendar::IsoError::Weekday) => Err(vm.value_error(format!("Invalid weekday: {day} (range is [1, 7])"))),
        }
    }

    /// The date that a text denotes which is laid out by a format.
    #[classmethod]
    fn strptime(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        strptime(vm, cls, args, "_strptime_datetime_date")
    }

    /// The date of today: fromtimestamp(time.time()).
    #[classmethod]
    fn today(cls: &Py<PyType>, vm: &mut Vm) -> PyResult {
        let module = vm.import_module("time")?;
        let now = vm.call_method(&module, n!(time), &[])?;
        vm.call_method(cls.as_value(), n!(fromtimestamp), &[now])
    }
}

/// ISO year, week and weekday of a date, as a tuple or by name.
#[pyclass(module = "datetime", name = "IsoCalendarDate", base = Tuple, gc)]
#[repr(C)]
pub struct IsoCalendarDate {
    base: Tuple,
}

impl IsoCalendarDate {
    fn item(&self, index: usize) -> Value {
        self.base.items().get(index).cloned().unwrap_or_else(Value::none)
    }
}

#[pymethods]
impl IsoCalendarDate {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        static NEW: Params<3> = Params { function: "IsoCalendarDate", names: ["year", "week", "weekday"], required: 3, positional: 3, ints: 3 };
        let [year, week, weekday] = NEW.bind(vm, args)?;
        let fields = [args::int_or(vm, year, 0)?, args::int_or(vm, week, 0)?, args::int_or(vm, weekday, 0)?];
        Ok(vm.new_tuple_of(cls, fields.map(Value::from_i32))?.into_value())
    }

    #[getter]
    fn year(&self) -> Value {
        self.item(0)
    }

    #[getter]
    fn week(&self) -> Value {
        self.item(1)
    }

    #[getter]
    fn weekday(&self) -> Value {
        self.item(2)
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<IsoCalendarDate>, vm: &mut Vm) -> PyResult<String> {
        let mut shown = Vec::new();
        for item in zelf.base.items() {
            shown.push(vm.str(item)?.to_string_lossy().into_owned());
        }
        let [year, week, weekday] = &*shown else { return Ok(zelf.as_value().type_name()) };
        Ok(format!("{}(year={year}, week={week}, weekday={weekday})", zelf.as_value().type_name()))
    }

    /// For pickling: a plain tuple.
    #[method]
    fn __reduce__(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let items = vm.new_tuple_from(self.base.items())?.into_value();
        let args = vm.new_tuple([items])?.into_value();
        vm.new_tuple([Tuple::type_object(vm).to_value(), args])
    }
}
