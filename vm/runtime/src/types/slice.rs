//! `slice`, and the arithmetic of slicing.

use crate::types::int::IntRef;
use crate::types::slots::CompareOp;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Value, Vm, pyclass, pymethods};
use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};

/// The payload of `slice`.
///
/// slice(stop)
/// slice(start, stop[, step])
///
/// A slice object holds the bounds of an extended slice such as a[0:10:2].
#[pyclass(name = "slice", gc)]
pub struct Slice {
    pub start: Value,
    pub stop: Value,
    pub step: Value,
}

/// A slice as it applies to a sequence of known length: `count` items from `start` on, `step` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceRange {
    pub start: isize,
    /// Where slicing stopped, adjusted to the length (assignment with step 1 needs it).
    pub stop: isize,
    pub step: isize,
    pub count: usize,
}

impl SliceRange {
    /// Adjusts bounds to a length (`PySlice_AdjustIndices`). `step` is not zero.
    pub fn adjust(len: usize, start: isize, stop: isize, step: isize) -> SliceRange {
        let len = len as isize;
        let clamp = |i: isize| {
            if i < 0 {
                let i = i.saturating_add(len);
                if i < 0 { if step < 0 { -1 } else { 0 } } else { i }
            } else if i >= len {
                if step < 0 { len - 1 } else { len }
            } else {
                i
            }
        };
        let (start, stop) = (clamp(start), clamp(stop));
        let count = if step < 0 {
            if stop < start { (start - stop - 1) / step.saturating_neg() + 1 } else { 0 }
        } else if start < stop {
            (stop - start - 1) / step.max(1) + 1
        } else {
            0
        };
        SliceRange { start, stop, step, count: count as usize }
    }

    /// The positions in order.
    pub fn indices(self) -> impl DoubleEndedIterator<Item = usize> + ExactSizeIterator {
        (0..self.count).map(move |i| self.start.wrapping_add((i as isize).wrapping_mul(self.step)) as usize)
    }
}

impl Slice {
    /// Bounds and step with defaults filled in and clipped (`PySlice_Unpack`). `__index__` may run.
    pub fn unpack(&self, vm: &mut Vm) -> PyResult<(isize, isize, isize)> {
        let step = if self.step.is_none() {
            1
        } else {
            let step = vm.slice_index(&self.step)?;
            if step == 0 {
                return Err(vm.value_error("slice step cannot be zero"));
            }
            step.max(-isize::MAX)
        };
        let start = if self.start.is_none() {
            if step < 0 { isize::MAX } else { 0 }
        } else {
            vm.slice_index(&self.start)?
        };
        let stop = if self.stop.is_none() {
            if step < 0 { isize::MIN } else { isize::MAX }
        } else {
            vm.slice_index(&self.stop)?
        };
        Ok((start, stop, step))
    }

    /// The slice of a sequence whose length is asked for once the bounds are known, as evaluating them may change it.
    pub fn resolve(&self, vm: &mut Vm, len: impl FnOnce(&Vm) -> usize) -> PyResult<SliceRange> {
        let (start, stop, step) = self.unpack(vm)?;
        Ok(SliceRange::adjust(len(vm), start, stop, step))
    }

    fn long_bound(&self, vm: &mut Vm, value: &Value, default: BigInt, low: &BigInt, high: &BigInt, len: &BigInt) -> PyResult<BigInt> {
        if value.is_none() {
            return Ok(default);
        }
        let i = slice_bigint(vm, value)?;
        if i.is_negative() {
            return Ok((i + len).max(low.clone()));
        }
        Ok(i.min(high.clone()))
    }

    /// Start, stop and step for a length, without limits on their size (`_PySlice_GetLongIndices`).
    pub fn long_indices(&self, vm: &mut Vm, len: &BigInt) -> PyResult<(BigInt, BigInt, BigInt)> {
        let step = if self.step.is_none() { BigInt::one() } else { slice_bigint(vm, &self.step)? };
        if step.is_zero() {
            return Err(vm.value_error("slice step cannot be zero"));
        }
        let (low, high) = if step.is_negative() { (BigInt::from(-1), len - 1) } else { (BigInt::zero(), len.clone()) };
        let (first, last) = if step.is_negative() { (high.clone(), low.clone()) } else { (low.clone(), high.clone()) };
        let start = self.long_bound(vm, &self.start, first, &low, &high, len)?;
        let stop = self.long_bound(vm, &self.stop, last, &low, &high, len)?;
        Ok((start, stop, step))
    }

    fn parts(&self) -> [Value; 3] {
        [self.start.clone(), self.stop.clone(), self.step.clone()]
    }
}

fn slice_bigint(vm: &mut Vm, value: &Value) -> PyResult<BigInt> {
    if IntRef::new(value).is_none() && value.type_ref().slots.nb_index.get().is_none() {
        return Err(vm.type_error("slice indices must be integers or None or have an __index__ method"));
    }
    let index = vm.index(value)?;
    Ok(IntRef::new(&index).map(|i| i.to_big().into_owned()).unwrap_or_default())
}

#[pymethods]
impl Slice {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Slice>> {
        args.no_keywords(vm, "slice")?;
        let none = Value::none;
        let slice = match args.unpack(vm, "slice", 1, 3)? {
            [stop] => Slice { start: none(), stop: stop.clone(), step: none() },
            [start, stop] => Slice { start: start.clone(), stop: stop.clone(), step: none() },
            [start, stop, step, ..] => Slice { start: start.clone(), stop: stop.clone(), step: step.clone() },
            [] => Slice { start: none(), stop: none(), step: none() },
        };
        vm.new_instance(cls, slice)
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

    /// Start, stop and step of this slice applied to a sequence of length len, as a tuple.
    ///
    /// Bounds outside the sequence are clipped as slicing clips them.
    #[method(sig = "(object, /)", text = "($self, object, /)")]
    fn indices(&self, object: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let len = vm.index(object)?;
        let len = IntRef::new(&len).map(|i| i.to_big().into_owned()).unwrap_or_default();
        if len.is_negative() {
            return Err(vm.value_error("length should not be negative"));
        }
        let (start, stop, step) = self.long_indices(vm, &len)?;
        let parts = vec![vm.new_bigint(start)?, vm.new_bigint(stop)?, vm.new_bigint(step)?];
        vm.new_tuple(parts)
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<Slice>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let parts = vm.new_tuple(zelf.parts().to_vec())?;
        vm.new_tuple(vec![zelf.as_value().ty().to_value(), parts.into_value()])
    }

    /// For the copy module.
    #[method(name = "__copy__")]
    fn copy(zelf: &Py<Slice>) -> Py<Slice> {
        zelf.clone()
    }

    /// For the copy module.
    #[method(name = "__deepcopy__", sig = "(memo, /)")]
    fn deepcopy(zelf: &Py<Slice>, memo: &Value, vm: &mut Vm) -> PyResult {
        let copy = vm.intern("copy").into_value();
        let import = vm.builtin(n!(__import__))?;
        let copy = vm.call(&import, &[copy])?;
        let name = vm.intern("deepcopy");
        let deepcopy = vm.getattr(&copy, &name)?;
        let mut parts = Vec::with_capacity(3);
        for part in zelf.parts() {
            parts.push(vm.call(&deepcopy, &[part, memo.clone()])?);
        }
        vm.call(zelf.as_value().ty().clone().as_value(), &parts)
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<Py<crate::types::str_::Str>> {
        let [start, stop, step] = self.parts();
        let (start, stop, step) = (vm.repr(&start)?, vm.repr(&stop)?, vm.repr(&step)?);
        let mut text = krait_unicode::TextBuf::from("slice(");
        for (i, part) in [start, stop, step].iter().enumerate() {
            text.push_str(if i == 0 { "" } else { ", " });
            text.push_text(&part.to_text());
        }
        text.push_str(")");
        vm.new_str_text(&text)
    }

    #[slot(hash)]
    fn slot_hash(&self, vm: &mut Vm) -> PyResult<i64> {
        let mut acc = crate::types::tuple::hash::P5;
        for part in self.parts() {
            acc = crate::types::tuple::hash::mix(acc, vm.hash(&part)?);
        }
        Ok(if acc == u64::MAX { 1_546_275_796 } else { acc as i64 })
    }

    #[slot(richcompare)]
    fn slot_richcompare(zelf: &Py<Slice>, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let Some(other) = other.downcast::<Slice>() else { return Ok(Value::not_implemented()) };
        if zelf.is(other) {
            return Ok(Value::from_bool(op.matches(std::cmp::Ordering::Equal)));
        }
        crate::types::tuple::compare_items(vm, &zelf.parts(), &other.parts(), op)
    }
}

impl Vm {
    /// `slice(start, stop, step)`.
    pub fn new_slice(&mut self, start: Value, stop: Value, step: Value) -> PyResult<Py<Slice>> {
        self.new_object(Slice { start, stop, step })
    }
}
