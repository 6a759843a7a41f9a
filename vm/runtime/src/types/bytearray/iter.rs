//! Iterator over `bytearray`.

use super::ByteArray;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// Iterator over the numbers of bytes.
#[pyclass(name = "bytearray_iterator", gc)]
pub struct ByteArrayIterator {
    index: Cell<usize>,
    bytes: GilCell<Option<Py<ByteArray>>>,
}

pub(super) fn new_iter(vm: &mut Vm, bytes: &Py<ByteArray>) -> PyResult {
    Ok(vm.new_object(ByteArrayIterator { index: Cell::new(0), bytes: GilCell::new(Some(bytes.clone())) })?.into_value())
}

#[pymethods]
impl ByteArrayIterator {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<ByteArrayIterator>) -> Py<ByteArrayIterator> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some(bytes) = self.bytes.get(vm) else { return Ok(None) };
        if let Some(&b) = bytes.bytes(vm).get(self.index.get()) {
            self.index.set(self.index.get() + 1);
            return Ok(Some(Value::from_i32(i32::from(b))));
        }
        let old = self.bytes.replace(vm, None);
        drop(old);
        Ok(None)
    }

    /// How many bytes are left.
    #[method(name = "__length_hint__")]
    fn length_hint(&self, vm: &mut Vm) -> usize {
        self.bytes.get(vm).as_ref().map_or(0, |b| b.bytes(vm).len().saturating_sub(self.index.get()))
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(&self, vm: &mut Vm) -> PyResult {
        // Finding `iter` may run code that exhausts this iterator.
        let mut parts = vec![vm.builtin_named("iter")?];
        let bytes = self.bytes.load(vm);
        match bytes {
            Some(bytes) => {
                parts.push(vm.new_tuple([bytes.into_value()])?.into_value());
                parts.push(vm.new_int(self.index.get())?);
            }
            None => {
                let empty = vm.new_tuple([])?.into_value();
                parts.push(vm.new_tuple([empty])?.into_value());
            }
        }
        Ok(vm.new_tuple(parts)?.into_value())
    }

    /// For unpickling.
    #[method(name = "__setstate__")]
    fn setstate(&self, state: isize, vm: &mut Vm) {
        if let Some(bytes) = self.bytes.get(vm) {
            self.index.set(usize::try_from(state).unwrap_or(0).min(bytes.bytes(vm).len()));
        }
    }
}
