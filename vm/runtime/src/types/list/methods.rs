//! Methods and slots of `list`.

use super::List;
use crate::{Py, PyResult, Value, Vm, pymethods};

#[pymethods]
impl List {
    #[slot(len)]
    fn slot_len(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.items(vm).len())
    }

    /// Add an object to the end of the list.
    #[method(sig = "(object, /)")]
    fn append(&self, object: Value, vm: &mut Vm) -> PyResult<()> {
        self.items_mut(vm).push(object);
        Ok(())
    }

    /// Take out the item at index (the last one by default) and return it.
    ///
    /// Raises IndexError if the list is empty or has no such index.
    #[method(sig = "(index=-1, /)")]
    fn pop(&self, index: isize, vm: &mut Vm) -> PyResult {
        let len = self.items(vm).len();
        if len == 0 {
            return Err(vm.index_error("pop from empty list"));
        }
        let at = if index < 0 { index.checked_add_unsigned(len) } else { Some(index) };
        match at.and_then(|i| usize::try_from(i).ok()).filter(|&i| i < len) {
            Some(i) => Ok(self.items_mut(vm).remove(i)),
            None => Err(vm.index_error("pop index out of range")),
        }
    }

    /// A shallow copy of the list.
    #[method]
    fn copy(&self, vm: &mut Vm) -> PyResult<Py<List>> {
        let items = self.items(vm).to_vec();
        vm.new_list(items)
    }
}
