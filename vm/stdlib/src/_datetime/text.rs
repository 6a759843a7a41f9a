//! Dates and times as text: ISO 8601, `ctime()`, `strftime()`.

use super::datetime::DateTime;
use super::delta::Span;
use super::time::Time;
use super::{calendar, tz};
use krait_runtime::types::str_::Str;
use krait_runtime::types::str_::StrBuilder;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Value, Vm, n};

/// A short line of ASCII characters on the stack.
pub struct Line {
    chars: [u8; 64],
    len: usize,
}

impl Line {
    pub fn new() -> Line {
        Line { chars: [0; 64], len: 0 }
    }

    pub fn text(&self) -> &[u8] {
        self.chars.get(..self.len).unwrap_or_default()
    }

    pub fn push(&mut self, c: u8) -> &mut Line {
        if let Some(slot) = self.chars.get_mut(self.len) {
            *slot = c;
            self.len += 1;
        }
        self
    }

    pub fn ascii(&mut self, text: &[u8]) -> &mut Line {
        for &c in text {
            self.push(c);
        }
        self
    }

    /// `value` with leading zeros, in at least `width` digits.
    pub fn number(&mut self, value: i32, width: u32) -> &mut Line {
        let value = value.unsigned_abs();
        let digits = (value.checked_ilog10().unwrap_or(0) + 1).max(width);
        for i in (0..digits).rev() {
            let digit = value / 10u32.pow(i.min(9)) % 10;
            self.push(b'0' + digit as u8);
        }
        self
    }

    pub fn date(&mut self, (year, month, day): (i32, i32, i32)) -> &mut Line {
        self.number(year, 4).push(b'-').number(month, 2).push(b'-').number(day, 2)
    }

    pub fn time(&mut self, (hour, minute, second, us): (i32, i32, i32, i32), spec: Timespec) -> &mut Line {
        self.number(hour, 2);
        if spec >= Timespec::Minutes {
            self.push(b':').number(minute, 2);
        }
        if spec >= Timespec::Seconds {
            self.push(b':').number(second, 2);
        }
        match spec {
            Timespec::Milliseconds => self.push(b'.').number(us / 1_000, 3),
            Timespec::Microseconds => self.push(b'.').number(us, 6),
            Timespec::Hours | Timespec::Minutes | Timespec::Seconds => self,
        }
    }

    /// An offset from UTC, with `separator` between the numbers.
    pub fn offset(&mut self, offset: Span, separator: &[u8]) -> &mut Line {
        let (sign, hours, minutes, seconds, micros) = offset.offset_parts();
        self.push(sign as u8).number(hours, 2);
        self.ascii(separator);
        self.number(minutes, 2);
        if seconds != 0 || micros != 0 {
            self.ascii(separator);
            self.number(seconds, 2);
        }
        if micros != 0 {
            self.push(b'.').number(micros, 6);
        }
        self
    }

    pub fn finish(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        vm.new_str_latin1(self.text())
    }
}

/// Down to which unit a time is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timespec {
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
    Microseconds,
}

impl Timespec {
    /// As `isoformat()` takes it; `us` decides when it is left to the time.
    pub fn parse(vm: &mut Vm, text: Option<&Py<Str>>, us: i32) -> PyResult<Timespec> {
        let auto = if us == 0 { Timespec::Seconds } else { Timespec::Microseconds };
        let Some(text) = text else { return Ok(auto) };
        Ok(match &*text.to_utf8(vm)? {
            "auto" => auto,
            "hours" => Timespec::Hours,
            "minutes" => Timespec::Minutes,
            "seconds" => Timespec::Seconds,
            "milliseconds" => Timespec::Milliseconds,
            "microseconds" => Timespec::Microseconds,
            s if s.contains('\0') => return Err(vm.value_error("embedded null character")),
            _ => return Err(vm.value_error("Unknown timespec value")),
        })
    }
}

/// As `ctime()` of the C library shows a time.
pub fn ctime((year, month, day): (i32, i32, i32), (hour, minute, second): (i32, i32, i32)) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let weekday = DAYS.get(calendar::weekday(year, month, day) as usize).copied().unwrap_or_default();
    let name = MONTHS.get((month - 1) as usize).copied().unwrap_or_default();
    format!("{weekday} {name} {day:2} {hour:02}:{minute:02}:{second:02} {year:04}")
}

/// What `strftime()` replaces before the C library's sees the format, each computed when it is first met.
struct Replacements<'a> {
    object: &'a Value,
    /// What the methods of the time zone get.
    argument: &'a Value,
    tuple: &'a Value,
    tzinfo: Option<Value>,
    offset: [Option<Py<Str>>; 2],
    name: Option<Py<Str>>,
}

impl Replacements<'_> {
    /// `%z`, or with colons `%:z`.
    fn offset(&mut self, vm: &mut Vm, colons: bool) -> PyResult<Py<Str>> {
        if let Some(known) = &self.offset[usize::from(colons)] {
            return Ok(known.clone());
        }
        let mut line = Line::new();
        if let Some(tzinfo) = &self.tzinfo
            && let Some(offset) = tz::utcoffset(vm, tzinfo, self.argument)? {
                line.offset(offset.span(), if colons { b":" } else { b"" });
            }
        let text = line.finish(vm)?;
        self.offset[usize::from(colons)] = Some(text.clone());
        Ok(text)
    }

    /// `%Z`.
    fn name(&mut self, vm: &mut Vm) -> PyResult<Py<Str>> {
        if let Some(known) = &self.name {
            return Ok(known.clone());
        }
        let name = match &self.tzinfo {
            Some(tzinfo) => tz::tzname(vm, tzinfo, self.argument)?,
            None => Value::none(),
        };
        let text = if name.is_none() {
            n!(empty).clone()
        } else {
            // The name goes into a format: its percent signs stand for themselves.
            let signs = [vm.new_str("%")?.into_value(), vm.new_str("%%")?.into_value()];
            match vm.call_method(&name, n!(replace), &signs)?.into_py::<Str>() {
                Ok(text) => text,
                Err(_) => return Err(vm.type_error("tzname.replace() did not return a string")),
            }
        };
        self.name = Some(text.clone());
        Ok(text)
    }

    /// `%f`.
    fn micros(&self) -> Line {
        let us = match (self.object.downcast::<DateTime>(), self.object.downcast::<Time>()) {
            (Some(dt), _) => dt.clock().3,
            (None, Some(time)) => time.clock().3,
            (None, None) => 0,
        };
        let mut line = Line::new();
        line.number(us, 6);
        line
    }

    /// A code that shows the year, whose leading zeros the C library may leave out; none for years without any.
    fn year(&self, vm: &mut Vm, code: u8) -> PyResult<Option<String>> {
        let first = vm.sequence_item(self.tuple, 0)?;
        let mut year = vm.as_isize(&first)?;
        if year >= 1000 {
            return Ok(None);
        }
        if code == b'G' {
            let format = vm.new_str("%G")?.into_value();
            let text = strftime_of_time(vm, format, self.tuple)?;
            let number = vm.builtin_named("int")?;
            let number = vm.call(&number, &[text])?;
            year = vm.as_isize(&number)?;
        }
        let year = format!("{year:04}");
        Ok(Some(match code {
            b'F' => format!("{year}-%m-%d"),
            b'C' => year.get(..year.len() - 2).unwrap_or_default().to_owned(),
            _ => year,
        }))
    }
}

/// `time.strftime(format, tuple)`.
fn strftime_of_time(vm: &mut Vm, format: Value, tuple: &Value) -> PyResult {
    let module = vm.import_module("time")?;
    let function = vm.getattr(&module, n!(strftime))?;
    vm.call(&function, &[format, tuple.clone()])
}

/// `strftime()` of a date, time or datetime, whose time tuple is given.
pub fn strftime(vm: &mut Vm, object: &Value, format: &Py<Str>, tuple: &Value, argument: &Value) -> PyResult {
    let tzinfo = match (object.downcast::<DateTime>(), object.downcast::<Time>()) {
        (Some(dt), _) => dt.tzinfo_opt(vm),
        (None, Some(time)) => time.tzinfo_opt(vm),
        (None, None) => None,
    };
    let mut parts = Replacements { object, argument, tuple, tzinfo, offset: [None, None], name: None };
    let mut out = StrBuilder::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != u32::from(b'%') {
            out.push(c);
            continue;
        }
        let Some(code) = chars.next() else {
            out.push(c);
            break;
        };
        match u8::try_from(code).unwrap_or(0) {
            b'z' => out.push_object(&*parts.offset(vm, false)?),
            b':' if chars.peek() == Some(&u32::from(b'z')) => {
                chars.next();
                out.push_object(&*parts.offset(vm, true)?);
            }
            b'Z' => out.push_object(&*parts.name(vm)?),
            b'f' => parts.micros().text().iter().for_each(|&d| out.push(u32::from(d))),
            year @ (b'Y' | b'G' | b'F' | b'C') => match parts.year(vm, year)? {
                Some(text) => out.push_str(&text),
                None => {
                    out.push(c);
                    out.push(code);
                }
            },
            _ => {
                out.push(c);
                out.push(code);
            }
        }
    }
    let format = out.finish(vm)?.into_value();
    strftime_of_time(vm, format, tuple)
}

/// `__format__()`: `strftime()`, or `str()` without a format.
pub fn format(vm: &mut Vm, object: &Value, format: &Py<Str>) -> PyResult {
    if format.is_empty() {
        return Ok(vm.str(object)?.into_value());
    }
    vm.call_method(object, n!(strftime), &[format.to_value()])
}

/// `repr()`: the class's name and the numbers; `more` is put behind them.
pub fn repr(object: &Value, numbers: &[i32], more: &str) -> String {
    let numbers: Vec<String> = numbers.iter().map(i32::to_string).collect();
    format!("{}({}{more})", object.type_name(), numbers.join(", "))
}
