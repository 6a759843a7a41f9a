//! `X | Y`.

use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pyclass, pymethods};

/// The union of several types.
#[pyclass(name = "Union", module = "typing", managed)]
pub struct Union {
    pub args: Py<Tuple>,
}

#[pymethods]
impl Union {}

/// `type.__or__`.
pub fn or(_vm: &mut Vm, a: &Value, _b: &Value) -> PyResult {
    let _ = a.is::<PyType>();
    Ok(Value::not_implemented())
}
