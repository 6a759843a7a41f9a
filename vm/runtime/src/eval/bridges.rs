//! Bridges from constants and instructions to the constructors of builtin types.

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
pub fn complex(vm: &mut Vm, re: f64, im: f64) -> PyResult {
    vm.new_complex(re, im)
}

/// A `frozenset` of the items.
pub fn frozenset(vm: &mut Vm, items: Vec<Value>) -> PyResult {
    let set = vm.new_frozenset()?;
    for item in items {
        set.data.add(vm, &item)?;
    }
    Ok(set.into_value())
}

/// A `set` of the items.
pub fn set(vm: &mut Vm, items: Vec<Value>) -> PyResult {
    let set = vm.new_set()?;
    for item in items {
        set.data.add(vm, &item)?;
    }
    Ok(set.into_value())
}

/// Adds an item to a `set`.
pub fn set_add(vm: &mut Vm, set: &Value, item: Value) -> PyResult<()> {
    match set.downcast::<crate::types::set::Set>() {
        Some(set) => {
            set.data.add(vm, &item)?;
            Ok(())
        }
        None => {
            let got = crate::types::value::ValueExt::type_name(set);
            Err(vm.type_error(format!("'{got}' object is not a set")))
        }
    }
}

/// `slice(*items)` with start, stop and perhaps step.
pub fn slice(vm: &mut Vm, items: Vec<Value>) -> PyResult {
    let mut items = items.into_iter();
    let mut next = || items.next().unwrap_or_else(Value::none);
    let (start, stop, step) = (next(), next(), next());
    Ok(vm.new_slice(start, stop, step)?.into_value())
}

/// An interpolation of a template string; `conversion` as BUILD_INTERPOLATION has it.
pub fn interpolation(vm: &mut Vm, value: Value, expression: Value, conversion: u32, spec: Option<Value>) -> PyResult {
    vm.new_interpolation(value, expression, conversion, spec)
}

/// A template string of its strings and interpolations.
pub fn template(vm: &mut Vm, strings: Value, interpolations: Value) -> PyResult {
    use crate::types::tuple::Tuple;
    match (strings.into_py::<Tuple>(), interpolations.into_py::<Tuple>()) {
        (Ok(strings), Ok(interpolations)) => vm.new_template(strings, interpolations),
        _ => Err(vm.system_error("BUILD_TEMPLATE without tuples")),
    }
}

/// `cls[item]` of a native class: a generic alias.
pub fn generic_alias(vm: &mut Vm, cls: &crate::Py<crate::types::type_::PyType>, item: &Value) -> PyResult {
    crate::types::genericalias::new_alias(vm, cls.to_value(), item.clone())
}
