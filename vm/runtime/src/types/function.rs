//! Python functions, bound methods, `staticmethod`, `classmethod`.

use crate::{GilCell, PyResult, Value, Vm, pyclass, pymethods};

/// The payload of `staticmethod`.
#[pyclass(name = "staticmethod", flags(BASETYPE), managed)]
pub struct StaticMethod {
    pub callable: GilCell<Option<Value>>,
}

#[pymethods]
impl StaticMethod {
    #[slot(descr_get)]
    fn slot_descr_get(&self, _object: Option<&Value>, _ty: Option<&Value>, vm: &mut Vm) -> PyResult {
        match self.callable.load(vm) {
            Some(callable) => Ok(callable),
            None => Err(vm.runtime_error("uninitialized staticmethod object")),
        }
    }
}

/// `staticmethod(function)`.
pub fn new_staticmethod(vm: &mut Vm, function: Value) -> PyResult {
    Ok(vm.new_object(StaticMethod { callable: GilCell::new(Some(function)) })?.into_value())
}
