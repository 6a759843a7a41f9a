//! Iterator over `bytes`.

use super::Bytes;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// Iterator over the numbers of bytes.
#[pyclass(name = "bytes_iterator", gc)]
pub struct BytesIterator {
    index: Cell<usize>,
    bytes: GilCell<Option<Py<Bytes>>>,
}

pub(super) fn new_iter(vm: &mut Vm, bytes: &Py<Bytes>) -> PyResult {
    Ok(vm.new_object(BytesIterator { index: Cell::new(0), bytes: GilCell::new(Some(bytes.clone())) })?.into_value())
}

#[pymethods]
impl BytesIterator {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<BytesIterator>) -> Py<BytesIterator> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some(bytes) = self.bytes.get(vm) else { return Ok(None) };
        if let Some(&b) = bytes.as_bytes().get(self.index.get()) {
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
        self.bytes.get(vm).as_ref().map_or(0, |b| b.len().saturating_sub(self.index.get()))
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
            self.index.set(usize::try_from(state).unwrap_or(0).min(bytes.len()));
        }
    }
}
