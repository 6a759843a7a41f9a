//! `timedelta`: days, seconds and microseconds, normalized so that only the days can be negative.
//!
//! Arithmetic goes through the whole number of microseconds, which always fits 128 bits; operands that do not are out of range anyway, except
//! where they cancel in the constructor, which therefore adds up big ints when it has to.

use super::State;
use super::args::Params;
use krait_runtime::types::float::float_value;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::int::arith::ratio_to_f64;
use krait_runtime::types::slots::CompareOp;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::tuple::hash::{P5, finish, mix};
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyClass, PyResult, Value, Vm, n, pyclass, pymethods};
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{FromPrimitive, Signed, ToPrimitive, Zero};
use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt::Write;

/// The largest number of days, positive or negative.
pub const MAX_DAYS: i32 = 999_999_999;
const US_PER_SECOND: i128 = 1_000_000;
const US_PER_DAY: i128 = 86_400 * US_PER_SECOND;

/// A duration: the difference of two dates, times or datetimes.
///
/// All of days, seconds, microseconds, milliseconds, minutes, hours and weeks are optional numbers, ints or floats of either sign.
#[pyclass(module = "datetime", name = "timedelta", flags(BASETYPE))]
#[repr(C)]
pub struct TimeDelta {
    pub days: i32,
    pub seconds: i32,
    pub microseconds: i32,
    hash: Cell<i64>,
}

/// Normalized fields; what a `timedelta` is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub days: i32,
    pub seconds: i32,
    pub microseconds: i32,
}

impl Span {
    /// From fields out of range; none of them comes near to overflowing.
    pub fn normalized(days: i64, seconds: i64, microseconds: i64) -> (i64, i32, i32) {
        let seconds = seconds + microseconds.div_euclid(1_000_000);
        let days = days + seconds.div_euclid(86_400);
        (days, seconds.rem_euclid(86_400) as i32, microseconds.rem_euclid(1_000_000) as i32)
    }

    pub fn is_zero(self) -> bool {
        self == Span { days: 0, seconds: 0, microseconds: 0 }
    }

    /// All of it in microseconds.
    pub fn micros(self) -> i128 {
        i128::from(i64::from(self.days) * 86_400 + i64::from(self.seconds)) * US_PER_SECOND + i128::from(self.microseconds)
    }

    /// Below a day in magnitude, as offsets from UTC must be.
    pub fn is_offset(self) -> bool {
        self.days == 0 || (self.days == -1 && (self.seconds != 0 || self.microseconds > 0))
    }

    /// Of an offset: sign, hours, minutes, seconds, microseconds.
    pub fn offset_parts(self) -> (char, i32, i32, i32, i32) {
        let us = self.micros();
        let rest = us.unsigned_abs();
        let (seconds, micros) = ((rest / 1_000_000) as i32, (rest % 1_000_000) as i32);
        (if us < 0 { '-' } else { '+' }, seconds / 3_600, seconds / 60 % 60, seconds % 60, micros)
    }
}

fn out_of_range(vm: &mut Vm, days: i64) -> krait_runtime::Raised {
    vm.overflow_error(format!("days={days}; must have magnitude <= {MAX_DAYS}"))
}

/// A `timedelta` of fields that need not be normalized.
pub fn new(vm: &mut Vm, days: i64, seconds: i64, microseconds: i64) -> PyResult<Py<TimeDelta>> {
    let span = checked(vm, days, seconds, microseconds)?;
    from_span(vm, span)
}

fn checked(vm: &mut Vm, days: i64, seconds: i64, microseconds: i64) -> PyResult<Span> {
    let (days, seconds, microseconds) = Span::normalized(days, seconds, microseconds);
    match i32::try_from(days) {
        Ok(days) if days.abs() <= MAX_DAYS => Ok(Span { days, seconds, microseconds }),
        _ => Err(out_of_range(vm, days)),
    }
}

/// A `timedelta`; there is one of no length.
pub fn from_span(vm: &mut Vm, span: Span) -> PyResult<Py<TimeDelta>> {
    if span.is_zero() {
        let state = vm.state::<State>();
        if let Some(zero) = state.zero.get(vm) {
            return Ok(zero.clone());
        }
        let zero = vm.new_object(TimeDelta::from(span))?;
        drop(state.zero.replace(vm, Some(zero.clone())));
        return Ok(zero);
    }
    vm.new_object(TimeDelta::from(span))
}

/// The fields of so many microseconds.
fn span_of(vm: &mut Vm, micros: Option<i128>) -> PyResult<Span> {
    let days = micros.and_then(|us| i32::try_from(us.div_euclid(US_PER_DAY)).ok());
    let (Some(us), Some(days)) = (micros, days) else { return Err(vm.overflow_error("Python int too large to convert to C int")) };
    if days.abs() > MAX_DAYS {
        return Err(out_of_range(vm, i64::from(days)));
    }
    let rest = us.rem_euclid(US_PER_DAY);
    Ok(Span { days, seconds: (rest / US_PER_SECOND) as i32, microseconds: (rest % US_PER_SECOND) as i32 })
}

fn from_micros(vm: &mut Vm, micros: Option<i128>) -> PyResult {
    let span = span_of(vm, micros)?;
    Ok(from_span(vm, span)?.into_value())
}

impl From<Span> for TimeDelta {
    fn from(span: Span) -> TimeDelta {
        let Span { days, seconds, microseconds } = span;
        TimeDelta { days, seconds, microseconds, hash: Cell::new(-1) }
    }
}

/// `n / d` with halves to even; `d` is not 0.
fn divide_nearest(n: &BigInt, d: &BigInt) -> BigInt {
    let (n, d) = if d.is_negative() { (-n, -d) } else { (n.clone(), d.clone()) };
    let (q, r) = n.div_mod_floor(&d);
    let twice: BigInt = r * 2;
    match twice.cmp(&d) {
        Ordering::Less => q,
        Ordering::Greater => q + 1,
        Ordering::Equal => if q.is_odd() { q + 1 } else { q },
    }
}

/// What a constructor's arguments add up to.
#[derive(Default)]
struct Sum {
    whole: i128,
    /// What did not fit.
    more: BigInt,
    /// Fractions of microseconds.
    rest: f64,
}

impl Sum {
    fn add(&mut self, int: &IntRef<'_>, factor: i128) {
        let sum = int.to_i128().and_then(|i| i.checked_mul(factor)).and_then(|i| self.whole.checked_add(i));
        match sum {
            Some(sum) => self.whole = sum,
            None => self.more += &*int.to_big() * factor,
        }
    }

    fn add_float(&mut self, vm: &mut Vm, number: f64, factor: i128) -> PyResult<()> {
        let Some(int) = BigInt::from_f64(number) else {
            return Err(if number.is_nan() {
                vm.value_error("cannot convert float NaN to integer")
            } else {
                vm.overflow_error("cannot convert float infinity to integer")
            });
        };
        self.add(&IntRef::Big(&int), factor);
        let part = number.fract() * factor as f64;
        // The part is less than a week's microseconds.
        self.add(&IntRef::Small(part.trunc() as i64), 1);
        self.rest += part.fract();
        Ok(())
    }

    /// The microseconds, the fraction being rounded in.
    fn total(self) -> Option<i128> {
        let total = if self.more.is_zero() { self.whole } else { (self.more + self.whole).to_i128()? };
        let odd = if total.is_odd() { 1.0 } else { 0.0 };
        let whole = self.rest.round();
        let whole = if (whole - self.rest).abs() == 0.5 { 2.0 * ((self.rest + odd) * 0.5).round() - odd } else { whole };
        total.checked_add(whole as i128)
    }
}

static NEW: Params<7> = Params {
    function: "__new__",
    names: ["days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"],
    required: 0,
    positional: 7,
    ints: 0,
};
/// Microseconds in each unit of [`NEW`].
const FACTORS: [i128; 7] = [US_PER_DAY, US_PER_SECOND, 1, 1_000, 60 * US_PER_SECOND, 3_600 * US_PER_SECOND, 7 * US_PER_DAY];
/// The order in which the units are added, which shows in roundings and errors.
const ORDER: [usize; 7] = [2, 3, 1, 4, 5, 0, 6];

fn both<'a>(a: &'a Value, b: &'a Value) -> Option<(Span, Span)> {
    Some((a.downcast::<TimeDelta>()?.span(), b.downcast::<TimeDelta>()?.span()))
}

/// `a` times the ratio that the float `b` is, or divided by it.
fn scaled(vm: &mut Vm, a: Span, b: &Value, divide: bool) -> PyResult {
    let ratio = vm.call_method(b, n!(as_integer_ratio), &[])?;
    let Some(pair) = ratio.downcast::<Tuple>() else {
        let got = ratio.type_name();
        return Err(vm.type_error(format!("unexpected return type from as_integer_ratio(): expected tuple, got '{got}'")));
    };
    let [n, d] = pair.items() else { return Err(vm.value_error("as_integer_ratio() must return a 2-tuple")) };
    let (n, d) = if divide { (d, n) } else { (n, d) };
    let (Some(n), Some(d)) = (IntRef::new(n), IntRef::new(d)) else { return Err(vm.type_error("non-integer arguments in division")) };
    if d.to_big().is_zero() {
        return Err(vm.zero_division_error("division by zero"));
    }
    let micros = divide_nearest(&(&*n.to_big() * a.micros()), &d.to_big()).to_i128();
    from_micros(vm, micros)
}

/// `n / d` as a float.
fn quotient(vm: &mut Vm, n: i128, d: i128) -> PyResult {
    const EXACT: u128 = 1 << 53;
    if d == 0 {
        return Err(vm.zero_division_error("division by zero"));
    }
    let result = if n.unsigned_abs() <= EXACT && d.unsigned_abs() <= EXACT { n as f64 / d as f64 } else { ratio_to_f64(&n.into(), &d.into()).unwrap_or(0.0) };
    vm.new_float(result)
}

impl TimeDelta {
    pub fn span(&self) -> Span {
        Span { days: self.days, seconds: self.seconds, microseconds: self.microseconds }
    }

    pub fn hash_value(&self) -> i64 {
        if self.hash.get() == -1 {
            let lanes = [self.days, self.seconds, self.microseconds].map(|i| if i == -1 { -2 } else { i64::from(i) });
            self.hash.set(finish(lanes.into_iter().fold(P5, mix), 3));
        }
        self.hash.get()
    }
}

/// `a + b`, or `a - b`.
pub fn add(vm: &mut Vm, a: Span, b: Span, sign: i64) -> PyResult<Py<TimeDelta>> {
    let [days, seconds, us] = [(a.days, b.days), (a.seconds, b.seconds), (a.microseconds, b.microseconds)].map(|(a, b)| i64::from(a) + sign * i64::from(b));
    new(vm, days, seconds, us)
}

#[pymethods]
impl TimeDelta {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let bound = NEW.bind(vm, args)?;
        let mut sum = Sum::default();
        for i in ORDER {
            let Some(value) = bound[i] else { continue };
            if let Some(int) = IntRef::new(value) {
                sum.add(&int, FACTORS[i]);
            } else if let Some(float) = float_value(value) {
                sum.add_float(vm, float, FACTORS[i])?;
            } else {
                let got = value.type_name();
                return Err(vm.type_error(format!("unsupported type for timedelta {} component: {got}", NEW.names[i])));
            }
        }
        let span = span_of(vm, sum.total())?;
        if cls.is(TimeDelta::type_object(vm)) {
            return Ok(from_span(vm, span)?.into_value());
        }
        Ok(vm.new_instance(cls, TimeDelta::from(span))?.into_value())
    }

    /// The days of the duration.
    #[getter(member)]
    fn days(&self) -> i32 {
        self.days
    }

    /// The seconds of the duration.
    #[getter(member)]
    fn seconds(&self) -> i32 {
        self.seconds
    }

    /// The microseconds of the duration.
    #[getter(member)]
    fn microseconds(&self) -> i32 {
        self.microseconds
    }

    /// The whole duration in seconds.
    #[method]
    fn total_seconds(&self, vm: &mut Vm) -> PyResult {
        quotient(vm, self.span().micros(), US_PER_SECOND)
    }

    /// For pickling: the class and its arguments.
    #[method]
    fn __reduce__(zelf: &Py<TimeDelta>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let fields = [zelf.days, zelf.seconds, zelf.microseconds].map(Value::from_i32);
        let args = vm.new_tuple(fields)?.into_value();
        vm.new_tuple([zelf.as_value().ty().to_value(), args])
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<TimeDelta>) -> String {
        let mut out = format!("{}(", zelf.as_value().type_name());
        let fields = [("days", zelf.days), ("seconds", zelf.seconds), ("microseconds", zelf.microseconds)];
        let mut shown = fields.into_iter().filter(|(_, value)| *value != 0);
        match shown.next() {
            None => out.push('0'),
            Some((name, value)) => {
                let _ = write!(out, "{name}={value}");
            }
        }
        for (name, value) in shown {
            let _ = write!(out, ", {name}={value}");
        }
        out.push(')');
        out
    }

    #[slot(str)]
    fn slot_str(&self) -> String {
        let mut out = String::new();
        if self.days != 0 {
            let _ = write!(out, "{} day{}, ", self.days, if self.days.abs() == 1 { "" } else { "s" });
        }
        let s = self.seconds;
        let _ = write!(out, "{}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60);
        if self.microseconds != 0 {
            let _ = write!(out, ".{:06}", self.microseconds);
        }
        out
    }

    #[slot(hash)]
    fn slot_hash(&self, _vm: &mut Vm) -> PyResult<i64> {
        Ok(self.hash_value())
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, _vm: &mut Vm) -> PyResult {
        Ok(match other.downcast::<TimeDelta>() {
            Some(other) => Value::from_bool(op.matches(self.span().cmp(&other.span()))),
            None => Value::not_implemented(),
        })
    }

    #[slot(bool)]
    fn slot_bool(&self, _vm: &mut Vm) -> PyResult<bool> {
        Ok(!self.span().is_zero())
    }

    #[slot(neg)]
    fn slot_neg(&self, vm: &mut Vm) -> PyResult<Py<TimeDelta>> {
        add(vm, Span { days: 0, seconds: 0, microseconds: 0 }, self.span(), -1)
    }

    #[slot(pos)]
    fn slot_pos(&self, vm: &mut Vm) -> PyResult<Py<TimeDelta>> {
        from_span(vm, self.span())
    }

    #[slot(abs)]
    fn slot_abs(&self, vm: &mut Vm) -> PyResult<Py<TimeDelta>> {
        if self.days < 0 { self.slot_neg(vm) } else { self.slot_pos(vm) }
    }

    #[slot(add)]
    fn slot_add(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        match both(a, b) {
            Some((a, b)) => Ok(add(vm, a, b, 1)?.into_value()),
            None => Ok(Value::not_implemented()),
        }
    }

    #[slot(sub)]
    fn slot_sub(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        match both(a, b) {
            Some((a, b)) => Ok(add(vm, a, b, -1)?.into_value()),
            None => Ok(Value::not_implemented()),
        }
    }

    #[slot(mul)]
    fn slot_mul(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let (delta, factor) = match (a.downcast::<TimeDelta>(), b.downcast::<TimeDelta>()) {
            (Some(delta), None) => (delta.span(), b),
            (None, Some(delta)) => (delta.span(), a),
            _ => return Ok(Value::not_implemented()),
        };
        if let Some(int) = IntRef::new(factor) {
            let micros = if delta.is_zero() { Some(0) } else { int.to_i128().and_then(|i| i.checked_mul(delta.micros())) };
            return from_micros(vm, micros);
        }
        if float_value(factor).is_some() { scaled(vm, delta, factor, false) } else { Ok(Value::not_implemented()) }
    }

    #[slot(floordiv)]
    fn slot_floordiv(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let Some(delta) = a.downcast::<TimeDelta>() else { return Ok(Value::not_implemented()) };
        let micros = delta.span().micros();
        if let Some(int) = IntRef::new(b) {
            if int.to_big().is_zero() {
                return Err(vm.zero_division_error("division by zero"));
            }
            let result = match int.to_i128() {
                Some(d) => Integer::div_floor(&micros, &d),
                None => if micros != 0 && int.is_negative() != (micros < 0) { -1 } else { 0 },
            };
            return from_micros(vm, Some(result));
        }
        match b.downcast::<TimeDelta>().map(|b| b.span().micros()) {
            Some(0) => Err(vm.zero_division_error("division by zero")),
            Some(d) => vm.new_int(Integer::div_floor(&micros, &d)),
            None => Ok(Value::not_implemented()),
        }
    }

    #[slot(truediv)]
    fn slot_truediv(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let Some(delta) = a.downcast::<TimeDelta>() else { return Ok(Value::not_implemented()) };
        let micros = delta.span().micros();
        if let Some(b) = b.downcast::<TimeDelta>() {
            return quotient(vm, micros, b.span().micros());
        }
        if let Some(int) = IntRef::new(b) {
            let d = int.to_big();
            if d.is_zero() {
                return Err(vm.zero_division_error("division by zero"));
            }
            let result = divide_nearest(&micros.into(), &d).to_i128();
            return from_micros(vm, result);
        }
        if float_value(b).is_some() { scaled(vm, delta.span(), b, true) } else { Ok(Value::not_implemented()) }
    }

    #[slot(rem)]
    fn slot_rem(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let Some((a, b)) = both(a, b) else { return Ok(Value::not_implemented()) };
        if b.is_zero() {
            return Err(vm.zero_division_error("division by zero"));
        }
        from_micros(vm, Some(a.micros().mod_floor(&b.micros())))
    }

    #[slot(divmod)]
    fn slot_divmod(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let Some((a, b)) = both(a, b) else { return Ok(Value::not_implemented()) };
        if b.is_zero() {
            return Err(vm.zero_division_error("division by zero"));
        }
        let (q, r) = a.micros().div_mod_floor(&b.micros());
        let pair = [vm.new_int(q)?, from_micros(vm, Some(r))?];
        Ok(vm.new_tuple(pair)?.into_value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_even() {
        for (n, d, want) in [(1, 2, 0), (3, 2, 2), (5, 2, 2), (-1, 2, 0), (-3, 2, -2), (7, -2, -4), (1, 3, 0), (2, 3, 1), (-5, 3, -2)] {
            assert_eq!(divide_nearest(&BigInt::from(n), &BigInt::from(d)), BigInt::from(want), "{n}/{d}");
        }
    }

    #[test]
    fn fields_are_normalized() {
        assert_eq!(Span::normalized(0, -1, 0), (-1, 86_399, 0));
        assert_eq!(Span::normalized(1, 86_400, -1), (1, 86_399, 999_999));
    }
}
