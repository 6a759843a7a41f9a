//! Bridges from constants and instructions to builtin types whose constructors live in other families.

use crate::{PyResult, Value, Vm};

/// A `bytes` object.
pub fn bytes(vm: &mut Vm, bytes: &[u8]) -> PyResult {
    Ok(vm.new_bytes(bytes)?.into_value())
}

/// The bytes of a `bytes` object.
pub fn bytes_of(vm: &mut Vm, value: &Value) -> PyResult<Vec<u8>> {
    match value.downcast::<crate::types::bytes::Bytes>() {
        Some(b) => Ok(b.as_bytes().to_vec()),
        None => {
            let got = crate::types::value::ValueExt::type_name(value);
            Err(vm.type_error(format!("a bytes object is required, not {got}")))
        }
    }
}

/// A `complex` object.
pub fn complex(vm: &mut Vm, _re: f64, _im: f64) -> PyResult {
    Err(vm.not_implemented_error("complex objects are not there yet"))
}

/// A `frozenset` of the items.
pub fn frozenset(vm: &mut Vm, _items: Vec<Value>) -> PyResult {
    Err(vm.not_implemented_error("frozenset objects are not there yet"))
}

/// A `set` of the items.
pub fn set(vm: &mut Vm, _items: Vec<Value>) -> PyResult {
    Err(vm.not_implemented_error("set objects are not there yet"))
}

/// Adds an item to a `set`.
pub fn set_add(vm: &mut Vm, _set: &Value, _item: Value) -> PyResult<()> {
    Err(vm.not_implemented_error("set objects are not there yet"))
}

/// `slice(*items)` with start, stop and perhaps step.
pub fn slice(vm: &mut Vm, _items: Vec<Value>) -> PyResult {
    Err(vm.not_implemented_error("slice objects are not there yet"))
}

/// An interpolation of a template string; `format_spec` and the conversion's number as BUILD_INTERPOLATION has them.
pub fn interpolation(vm: &mut Vm, _value: Value, _expression: Value, _conversion: u32, _spec: Option<Value>) -> PyResult {
    Err(vm.not_implemented_error("template strings are not there yet"))
}

/// A template string of its strings and interpolations.
pub fn template(vm: &mut Vm, _strings: Value, _interpolations: Value) -> PyResult {
    Err(vm.not_implemented_error("template strings are not there yet"))
}

/// `cls[item]` of a native class: a generic alias.
pub fn generic_alias(vm: &mut Vm, _cls: &crate::Py<crate::types::type_::PyType>, _item: &Value) -> PyResult {
    Err(vm.not_implemented_error("generic aliases are not there yet"))
}
