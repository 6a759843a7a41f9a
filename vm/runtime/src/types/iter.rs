//! Iterators that belong to no container: over sequences that have no `__iter__` of their own, and over a callable.

use crate::types::exceptions::{IndexError, StopIteration, catch};
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// `(iter, (object,), index)`, or `(iter, ((),))` for an exhausted iterator.
pub fn reduce_at(vm: &mut Vm, iter: Value, object: Option<Value>, index: usize) -> PyResult<Py<Tuple>> {
    match object {
        Some(object) => {
            let args = vm.new_tuple([object])?.into_value();
            let index = vm.new_int(index)?;
            vm.new_tuple([iter, args, index])
        }
        None => {
            let empty = vm.new_tuple([])?.into_value();
            let args = vm.new_tuple([empty])?.into_value();
            vm.new_tuple([iter, args])
        }
    }
}

/// Iterator over `__getitem__` from 0 up to IndexError.
#[pyclass(name = "iterator", flags(DISALLOW_INSTANTIATION), gc)]
pub struct SeqIter {
    pub index: Cell<isize>,
    pub sequence: GilCell<Option<Value>>,
}

#[pymethods]
impl SeqIter {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<SeqIter>) -> Py<SeqIter> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some(sequence) = self.sequence.load(vm) else { return Ok(None) };
        let index = self.index.get();
        if index == isize::MAX {
            return Err(vm.overflow_error("iter index too large"));
        }
        let result = vm.sequence_item(&sequence, index);
        let item = match catch::<IndexError, Value>(vm, result) {
            Ok(item) => item,
            Err(e) if vm.is_raised::<StopIteration>(&e) => None,
            Err(e) => return Err(e),
        };
        match item {
            Some(item) => {
                self.index.set(index + 1);
                Ok(Some(item))
            }
            None => {
                let old = self.sequence.replace(vm, None);
                drop(old);
                Ok(None)
            }
        }
    }

    /// An estimate of the items left.
    #[method(name = "__length_hint__")]
    fn length_hint(&self, vm: &mut Vm) -> PyResult {
        let Some(sequence) = self.sequence.load(vm) else { return Ok(Value::from_i32(0)) };
        if sequence.type_ref().slots.len.get().is_none() {
            return Ok(Value::not_implemented());
        }
        let len = vm.len(&sequence)?;
        vm.new_int(len.saturating_sub(self.index.get().max(0) as usize))
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        // Finding `iter` may run code that exhausts this iterator.
        let iter = vm.builtin(n!(iter))?;
        let sequence = self.sequence.load(vm);
        reduce_at(vm, iter, sequence, self.index.get().max(0) as usize)
    }

    /// For unpickling.
    #[method(name = "__setstate__", sig = "(state, /)")]
    fn setstate(&self, state: &Value, vm: &mut Vm) -> PyResult<()> {
        let index = vm.as_count(state)?;
        if self.sequence.get(vm).is_some() {
            self.index.set(index.max(0));
        }
        Ok(())
    }
}

/// An iterator over `sequence[0]`, `sequence[1]`, ...
pub fn new_seq_iter(vm: &mut Vm, sequence: Value) -> PyResult {
    Ok(vm.new_object(SeqIter { index: Cell::new(0), sequence: GilCell::new(Some(sequence)) })?.into_value())
}

/// Iterator that calls a callable until it returns the sentinel.
#[pyclass(name = "callable_iterator", flags(DISALLOW_INSTANTIATION), gc)]
pub struct CallableIter {
    callable: GilCell<Option<(Value, Value)>>,
}

/// `iter(callable, sentinel)`.
pub fn new_callable_iter(vm: &mut Vm, callable: Value, sentinel: Value) -> PyResult {
    Ok(vm.new_object(CallableIter { callable: GilCell::new(Some((callable, sentinel))) })?.into_value())
}

#[pymethods]
impl CallableIter {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<CallableIter>) -> Py<CallableIter> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some((callable, sentinel)) = self.callable.load(vm) else { return Ok(None) };
        let result = vm.call(&callable, &[]);
        let result = catch::<StopIteration, Value>(vm, result)?;
        // The call may have exhausted the iterator.
        let Some(value) = result.filter(|_| self.callable.get(vm).is_some()) else {
            return self.finish(vm);
        };
        if vm.eq(&sentinel, &value)? {
            return self.finish(vm);
        }
        Ok(Some(value))
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let iter = vm.builtin(n!(iter))?;
        match self.callable.load(vm) {
            Some((callable, sentinel)) => {
                let args = vm.new_tuple([callable, sentinel])?.into_value();
                vm.new_tuple([iter, args])
            }
            None => reduce_at(vm, iter, None, 0),
        }
    }
}

impl CallableIter {
    fn finish(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let old = self.callable.replace(vm, None);
        drop(old);
        Ok(None)
    }
}
