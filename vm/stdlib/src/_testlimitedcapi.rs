//! `_testlimitedcapi`: sequence protocol from native code, for tests.
//!
//! In CPython these test the limited C interface. Krait has none; here is what has a meaning without it.

use krait_runtime::{PyResult, Value, Vm, pyfunction};

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

krait_runtime::module! {
    "_testlimitedcapi",
    doc: "Sequences from native code, for tests.",
    functions: [sequence_getitem, sequence_setitem, sequence_delitem],
    types: [],
}
