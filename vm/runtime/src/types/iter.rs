//! The iterator over sequences that have no `__iter__` of their own.

use crate::types::exceptions::{IndexError, catch};
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// Iterator over `__getitem__` from 0 up to IndexError.
#[pyclass(name = "iterator", gc)]
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
            Err(e) if vm.is_raised::<crate::types::exceptions::StopIteration>(&e) => None,
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
}

/// An iterator over `sequence[0]`, `sequence[1]`, ...
pub fn new_seq_iter(vm: &mut Vm, sequence: Value) -> PyResult {
    Ok(vm.new_object(SeqIter { index: Cell::new(0), sequence: GilCell::new(Some(sequence)) })?.into_value())
}
