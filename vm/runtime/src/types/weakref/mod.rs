//! `weakref.ref` and proxies, over the heap's lists.

use crate::{Value, Vm, pyclass, pymethods};
use krait_heap::WeakLinks;

/// The payload of `weakref.ReferenceType`.
#[pyclass(name = "ReferenceType", module = "weakref", flags(BASETYPE), gc)]
#[repr(C)]
pub struct WeakRef {
    pub links: WeakLinks,
}

#[pymethods]
impl WeakRef {}

/// The callback of a weak reference whose referent has died.
pub fn call_callback(vm: &mut Vm, weak: &Value) {
    let Some(callback) = weak.downcast::<WeakRef>().and_then(|w| w.links.callback.take()) else { return };
    if let Err(e) = vm.call(&callback, std::slice::from_ref(weak)) {
        vm.unraisable(e, &callback);
    }
}
