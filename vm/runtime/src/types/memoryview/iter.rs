//! Iterator over a view of one dimension.

use super::MemoryView;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// Iterator over the items of a memoryview.
#[pyclass(name = "memory_iterator", gc)]
pub struct MemoryIterator {
    view: GilCell<Option<Py<MemoryView>>>,
    index: Cell<isize>,
    len: isize,
}

pub(super) fn new_iter(vm: &mut Vm, view: &Py<MemoryView>) -> PyResult {
    let shape = &view.check(vm)?.shape;
    let len = match shape.as_slice() {
        [] => return Err(vm.type_error("invalid indexing of 0-dim memory")),
        [n] => *n,
        _ => return Err(vm.not_implemented_error("multi-dimensional sub-views are not implemented")),
    };
    MemoryView::native(vm, &view.view)?;
    Ok(vm.new_object(MemoryIterator { view: GilCell::new(Some(view.clone())), index: Cell::new(0), len })?.into_value())
}

#[pymethods]
impl MemoryIterator {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<MemoryIterator>) -> Py<MemoryIterator> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some(view) = self.view.load(vm) else { return Ok(None) };
        let index = self.index.get();
        if index < self.len {
            self.index.set(index + 1);
            let key = vm.new_int(index)?;
            return vm.getitem(view.as_value(), &key).map(Some);
        }
        let old = self.view.replace(vm, None);
        drop(old);
        Ok(None)
    }
}
