//! `_testlimitedcapi`: sequence protocol from native code, for tests.
//!
//! In CPython these test the limited C interface. Krait has none; here is what has a meaning without it.

use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::exceptions::unraisable;
use krait_runtime::{Py, PyResult, Value, Vm, pyfunction};

/// An item of a sequence by its number.
#[pyfunction(sig = "(sequence, index, /)")]
fn sequence_getitem(sequence: &Value, index: i64, vm: &mut Vm) -> PyResult {
    let index = vm.new_int(index)?;
    vm.getitem(sequence, &index)
}

/// Replace an item of a sequence.
#[pyfunction(sig = "(sequence, index, value, /)")]
fn sequence_setitem(sequence: &Value, index: i64, value: &Value, vm: &mut Vm) -> PyResult {
    let index = vm.new_int(index)?;
    vm.setitem(sequence, &index, value)?;
    Ok(Value::from_i32(0))
}

/// Delete an item of a sequence.
#[pyfunction(sig = "(sequence, index, /)")]
fn sequence_delitem(sequence: &Value, index: i64, vm: &mut Vm) -> PyResult {
    let index = vm.new_int(index)?;
    vm.delitem(sequence, &index)?;
    Ok(Value::from_i32(0))
}

/// 1 if the object has an attribute of this name, else 0; other exceptions than AttributeError are reported and count as no.
#[pyfunction(sig = "(object, name, /)")]
fn object_hasattrstring(object: &Value, name: &Py<Bytes>, vm: &mut Vm) -> i32 {
    let text = String::from_utf8_lossy(name.as_bytes()).into_owned();
    let name = vm.intern(&text);
    match vm.getattr_opt(object, &name) {
        Ok(found) => i32::from(found.is_some()),
        Err(e) => {
            let message = "Exception ignored in PyObject_HasAttrString(); consider using PyObject_HasAttrStringWithError(), \
                           PyObject_GetOptionalAttrString() or PyObject_GetAttrString()";
            unraisable::report_with(vm, e, Some(message), None);
            0
        }
    }
}

krait_runtime::module! {
    "_testlimitedcapi",
    doc: "Sequences from native code, for tests.",
    functions: [sequence_getitem, sequence_setitem, sequence_delitem, object_hasattrstring],
    types: [],
}
