//! `range` and its iterators. Ranges whose bounds and length fit 62 bits take a path of their own.

use crate::types::int::{Bool, Int, IntRef};
use crate::types::slice::Slice;
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};
use std::cell::Cell;

/// range(stop) -> range object
/// range(start, stop[, step]) -> range object
///
/// The integers from start (included) to stop (not included), step apart.
#[pyclass(name = "range", flags(SEQUENCE))]
pub struct Range {
    pub start: Value,
    pub stop: Value,
    pub step: Value,
    pub length: Value,
    /// Start, step and length, if everything fits: `start + i * step` never overflows for `i <= length`.
    #[traverse(skip)]
    pub small: Option<(i64, i64, i64)>,
}

fn big(value: &Value) -> BigInt {
    IntRef::new(value).map(|i| i.to_big().into_owned()).unwrap_or_default()
}

fn small(value: &Value) -> Option<i64> {
    value.as_small_int().filter(|i| i.unsigned_abs() < 1 << 61)
}

/// An `int` proper, out of whatever has `__index__`.
fn exact_int(vm: &mut Vm, value: &Value) -> PyResult {
    if value.is_small_int() {
        return Ok(value.clone());
    }
    let index = vm.index(value)?;
    if index.is_exact::<Int>() { Ok(index) } else { vm.new_bigint(big(&index)) }
}

impl Vm {
    /// `range(start, stop, step)` of ints proper; ValueError for a step of zero.
    pub fn new_range(&mut self, start: Value, stop: Value, step: Value) -> PyResult<Py<Range>> {
        if let (Some(a), Some(b), Some(s)) = (small(&start), small(&stop), small(&step)) {
            if s == 0 {
                return Err(self.value_error("range() arg 3 must not be zero"));
            }
            let n = if s > 0 && a < b { (b - a - 1) / s + 1 } else if s < 0 && a > b { (a - b - 1) / -s + 1 } else { 0 };
            let length = self.new_int(n)?;
            return self.new_object(Range { start, stop, step, length, small: Some((a, s, n)) });
        }
        let (a, b, s) = (big(&start), big(&stop), big(&step));
        if s.is_zero() {
            return Err(self.value_error("range() arg 3 must not be zero"));
        }
        let (low, high, s) = if s.is_negative() { (b, a, -s) } else { (a, b, s) };
        let n = if low < high { (high - low - 1u8) / s + 1u8 } else { BigInt::zero() };
        let length = self.new_bigint(n)?;
        self.new_object(Range { start, stop, step, length, small: None })
    }
}

impl Range {
    fn at(&self, vm: &mut Vm, index: &BigInt) -> PyResult {
        vm.new_bigint(big(&self.start) + index * big(&self.step))
    }

    fn item(&self, vm: &mut Vm, key: &Value) -> PyResult {
        if let (Some((start, step, len)), Some(i)) = (self.small, key.as_small_int()) {
            let i = if i < 0 { i + len } else { i };
            if (0..len).contains(&i) {
                return vm.new_int(start + i * step);
            }
            return Err(vm.index_error("range object index out of range"));
        }
        let index = vm.index(key)?;
        let (mut i, len) = (big(&index), big(&self.length));
        if i.is_negative() {
            i += &len;
        }
        if i.is_negative() || i >= len {
            return Err(vm.index_error("range object index out of range"));
        }
        self.at(vm, &i)
    }

    fn slice(&self, vm: &mut Vm, slice: &Slice) -> PyResult {
        let (start, stop, step) = slice.long_indices(vm, &big(&self.length))?;
        let own = big(&self.step);
        let new_start = self.at(vm, &start)?;
        let new_stop = self.at(vm, &stop)?;
        let new_step = vm.new_bigint(step * own)?;
        Ok(vm.new_range(new_start, new_stop, new_step)?.into_value())
    }

    /// The position of an int in the range.
    fn position(&self, value: &Value) -> Option<BigInt> {
        let offset = IntRef::new(value)?.to_big().into_owned() - big(&self.start);
        let (position, rest) = offset.div_mod_floor(&big(&self.step));
        (rest.is_zero() && !position.is_negative() && position < big(&self.length)).then_some(position)
    }

    fn is_plain_int(value: &Value) -> bool {
        value.is_exact::<Int>() || value.is_exact::<Bool>()
    }

    /// What decides equality and hash: length, start unless empty, step unless there is at most one item.
    fn identity(&self) -> [Value; 3] {
        let none = Value::none;
        match self.length.as_small_int() {
            Some(0) => [self.length.clone(), none(), none()],
            Some(1) => [self.length.clone(), self.start.clone(), none()],
            _ => [self.length.clone(), self.start.clone(), self.step.clone()],
        }
    }

    fn new_iter(&self, vm: &mut Vm) -> PyResult {
        match self.small {
            Some((start, step, len)) => Ok(vm.new_object(RangeIter::new(start, step, len))?.into_value()),
            None => LongRangeIter::make(vm, big(&self.start), big(&self.step), big(&self.length)),
        }
    }
}

#[pymethods]
impl Range {
    #[new]
    fn new(_cls: &Py<crate::types::type_::PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Range>> {
        let (zero, one) = (Value::from_i32(0), Value::from_i32(1));
        let (start, stop, step) = match args.unpack(vm, "range", 1, 3)? {
            [stop] => (zero, exact_int(vm, stop)?, one),
            [start, stop] => (exact_int(vm, start)?, exact_int(vm, stop)?, one),
            [start, stop, step, ..] => (exact_int(vm, start)?, exact_int(vm, stop)?, exact_int(vm, step)?),
            [] => (zero.clone(), zero, one),
        };
        vm.new_range(start, stop, step)
    }

    #[getter(member)]
    fn start(&self) -> Value {
        self.start.clone()
    }

    #[getter(member)]
    fn stop(&self) -> Value {
        self.stop.clone()
    }

    #[getter(member)]
    fn step(&self) -> Value {
        self.step.clone()
    }

    #[slot(len)]
    fn slot_len(&self, vm: &mut Vm) -> PyResult<usize> {
        match self.length.as_small_int().or_else(|| big(&self.length).to_i64()) {
            Some(n) => Ok(n as usize),
            None => Err(vm.overflow_error("Python int too large to convert to C ssize_t")),
        }
    }

    #[slot(bool)]
    fn slot_bool(&self, _vm: &mut Vm) -> PyResult<bool> {
        Ok(self.length.as_small_int() != Some(0))
    }

    #[slot(item)]
    fn slot_item(&self, index: isize, vm: &mut Vm) -> PyResult {
        if index < 0 {
            return Err(vm.index_error("range object index out of range"));
        }
        let key = vm.new_int(index)?;
        self.item(vm, &key)
    }

    #[slot(getitem)]
    fn slot_getitem(&self, key: &Value, vm: &mut Vm) -> PyResult {
        if key.is_small_int() {
            return self.item(vm, key);
        }
        if let Some(slice) = key.downcast_exact::<Slice>() {
            return self.slice(vm, slice);
        }
        if key.type_ref().slots.nb_index.get().is_none() && !key.is::<Int>() {
            let name = key.type_name();
            return Err(vm.type_error(format!("range indices must be integers or slices, not {name}")));
        }
        self.item(vm, key)
    }

    #[slot(contains)]
    fn slot_contains(zelf: &Py<Range>, value: &Value, vm: &mut Vm) -> PyResult<bool> {
        if let (Some((start, step, len)), Some(i)) = (zelf.small, small(value)) {
            let offset = i - start;
            return Ok(offset % step == 0 && (0..len).contains(&(offset / step)));
        }
        if Range::is_plain_int(value) {
            return Ok(zelf.position(value).is_some());
        }
        Ok(vm.sequence_search(zelf.as_value(), value, crate::protocol::sequence::Search::Contains)? != 0)
    }

    #[slot(iter)]
    fn slot_iter(&self, vm: &mut Vm) -> PyResult {
        self.new_iter(vm)
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        let (start, stop, step) = (big(&self.start), big(&self.stop), big(&self.step));
        let text = if step.is_one() { format!("range({start}, {stop})") } else { format!("range({start}, {stop}, {step})") };
        vm.new_str(&text)
    }

    #[slot(hash)]
    fn slot_hash(&self, vm: &mut Vm) -> PyResult<i64> {
        let key = vm.new_tuple(self.identity())?;
        vm.hash(key.as_value())
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let Some(other) = other.downcast::<Range>() else { return Ok(Value::not_implemented()) };
        match op {
            CompareOp::Eq | CompareOp::Ne => crate::types::tuple::compare_items(vm, &self.identity(), &other.identity(), op),
            CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => Ok(Value::not_implemented()),
        }
    }

    /// rangeobject.count(value) -> integer -- how often value occurs
    #[method(sig = "(value, /)", text = "(object, /)")]
    fn count(zelf: &Py<Range>, value: &Value, vm: &mut Vm) -> PyResult<usize> {
        if Range::is_plain_int(value) {
            return Ok(usize::from(zelf.position(value).is_some()));
        }
        vm.sequence_count(zelf.as_value(), value)
    }

    /// rangeobject.index(value) -> integer -- the index of value.
    ///
    /// Raises ValueError if it does not occur.
    #[method(sig = "(value, /)", text = "(object, /)")]
    fn index(zelf: &Py<Range>, value: &Value, vm: &mut Vm) -> PyResult {
        if !Range::is_plain_int(value) {
            let at = vm.sequence_index_of(zelf.as_value(), value)?;
            return vm.new_int(at);
        }
        match zelf.position(value) {
            Some(position) => vm.new_bigint(position),
            None => Err(vm.value_error("range.index(x): x not in range")),
        }
    }

    /// An iterator over the integers, backwards.
    #[method(name = "__reversed__")]
    fn reversed(&self, vm: &mut Vm) -> PyResult {
        match self.small {
            Some((start, step, len)) => Ok(vm.new_object(RangeIter::new(start + (len - 1) * step, -step, len))?.into_value()),
            None => {
                let (start, step, len) = (big(&self.start), big(&self.step), big(&self.length));
                let last = start + (&len - 1u8) * &step;
                LongRangeIter::make(vm, last, -step, len)
            }
        }
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<Range>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let args = vm.new_tuple([zelf.start.clone(), zelf.stop.clone(), zelf.step.clone()])?.into_value();
        vm.new_tuple([zelf.as_value().ty().to_value(), args])
    }
}

/// The iterator of small ranges.
#[pyclass(name = "range_iterator", flags(DISALLOW_INSTANTIATION))]
pub struct RangeIter {
    pub next: Cell<i64>,
    pub step: i64,
    pub left: Cell<i64>,
}

impl RangeIter {
    fn new(start: i64, step: i64, len: i64) -> RangeIter {
        RangeIter { next: Cell::new(start), step, left: Cell::new(len) }
    }

    /// The next integer.
    #[inline(always)]
    pub fn advance(&self) -> Option<i64> {
        let left = self.left.get();
        if left <= 0 {
            return None;
        }
        self.left.set(left - 1);
        let i = self.next.get();
        self.next.set(i.wrapping_add(self.step));
        Some(i)
    }
}

/// `(iter, (range(start, stop, step),), None)`, as CPython gives it.
fn reduce_range(vm: &mut Vm, start: BigInt, step: BigInt, len: BigInt) -> PyResult<Py<Tuple>> {
    let stop = &start + &step * len;
    let (start, stop, step) = (vm.new_bigint(start)?, vm.new_bigint(stop)?, vm.new_bigint(step)?);
    let range = vm.new_range(start, stop, step)?.into_value();
    let iter = vm.builtin(n!(iter))?;
    let args = vm.new_tuple([range])?.into_value();
    vm.new_tuple([iter, args, Value::none()])
}

#[pymethods]
impl RangeIter {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<RangeIter>) -> Py<RangeIter> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        match self.advance() {
            Some(i) => vm.new_int(i).map(Some),
            None => Ok(None),
        }
    }

    /// An estimate of the items left.
    #[method(name = "__length_hint__")]
    fn length_hint(&self) -> i64 {
        self.left.get()
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        reduce_range(vm, self.next.get().into(), self.step.into(), self.left.get().into())
    }

    /// For unpickling.
    #[method(name = "__setstate__", sig = "(state, /)")]
    fn setstate(&self, state: &Value, vm: &mut Vm) -> PyResult<()> {
        let skip = (vm.as_count(state)? as i64).clamp(0, self.left.get());
        self.next.set(self.next.get().wrapping_add(skip.wrapping_mul(self.step)));
        self.left.set(self.left.get() - skip);
        Ok(())
    }
}

/// The iterator of ranges with large bounds.
#[pyclass(name = "longrange_iterator", flags(DISALLOW_INSTANTIATION))]
pub struct LongRangeIter {
    #[traverse(skip)]
    state: GilCell<(BigInt, BigInt, BigInt)>,
}

impl LongRangeIter {
    fn make(vm: &mut Vm, start: BigInt, step: BigInt, len: BigInt) -> PyResult {
        Ok(vm.new_object(LongRangeIter { state: GilCell::new((start, step, len)) })?.into_value())
    }
}

#[pymethods]
impl LongRangeIter {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<LongRangeIter>) -> Py<LongRangeIter> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let (next, step, left) = self.state.get_mut(vm);
        if !left.is_positive() {
            return Ok(None);
        }
        *left -= 1u8;
        let i = next.clone();
        *next += &*step;
        vm.new_bigint(i).map(Some)
    }

    /// An estimate of the items left.
    #[method(name = "__length_hint__")]
    fn length_hint(&self, vm: &mut Vm) -> PyResult {
        let left = self.state.get(vm).2.clone();
        vm.new_bigint(left)
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let (next, step, left) = self.state.load(vm);
        reduce_range(vm, next, step, left)
    }

    /// For unpickling.
    #[method(name = "__setstate__", sig = "(state, /)")]
    fn setstate(&self, state: &Value, vm: &mut Vm) -> PyResult<()> {
        let skip = vm.index(state)?;
        let skip = big(&skip);
        let (next, step, left) = self.state.get_mut(vm);
        let skip = skip.clamp(BigInt::zero(), left.clone());
        *next += &skip * &*step;
        *left -= skip;
        Ok(())
    }
}
