//! The versions of types.

use krait_runtime::types::type_::PyType;
use krait_runtime::{Py, Vm, pyfunction};

/// The stamp that caches know the type's attributes by; 0 if it has none.
#[pyfunction(sig = "(type, /)")]
pub fn type_get_version(r#type: &Py<PyType>) -> u32 {
    r#type.version.get()
}

/// Give the type a stamp; whether it has one now.
#[pyfunction(sig = "(type, /)")]
pub fn type_assign_version(r#type: &Py<PyType>, vm: &mut Vm) -> bool {
    r#type.version_tag(vm) != 0
}

/// Say that the type has changed.
#[pyfunction(sig = "(type, /)")]
pub fn type_modified(r#type: &Py<PyType>, vm: &mut Vm) {
    r#type.modified(vm);
}
