//! `list[int]`.

use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pyclass, pymethods};

/// A generic type with its arguments.
#[pyclass(name = "GenericAlias", module = "types", flags(BASETYPE), managed)]
pub struct GenericAlias {
    pub origin: Value,
    pub args: Py<Tuple>,
}

#[pymethods]
impl GenericAlias {}

/// `origin[item]`.
pub fn new_alias(vm: &mut Vm, origin: Value, item: Value) -> PyResult {
    let args = if item.is::<Tuple>() { item.into_py::<Tuple>().or_else(|v| vm.new_tuple(vec![v]))? } else { vm.new_tuple(vec![item])? };
    Ok(vm.new_object(GenericAlias { origin, args })?.into_value())
}
