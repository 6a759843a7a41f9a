//! `cell`: a variable that a function shares with the functions inside it.

use crate::types::slots::CompareOp;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};

/// The payload of `cell`.
#[pyclass(name = "cell", gc, text_signature = "([contents])")]
pub struct PyCell {
    pub value: GilCell<Option<Value>>,
}

impl Vm {
    /// A cell.
    pub fn new_cell(&mut self, value: Option<Value>) -> PyResult<Py<PyCell>> {
        self.new_object(PyCell { value: GilCell::new(value) })
    }
}

#[pymethods]
impl PyCell {
    /// Create a new cell, empty unless contents are given.
    #[new(name = "cell")]
    fn new(_cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<PyCell>> {
        let contents = args.unpack(vm, "cell", 0, 1)?.first().cloned();
        vm.new_cell(contents)
    }

    #[getter]
    fn cell_contents(&self, vm: &mut Vm) -> PyResult {
        match self.value.load(vm) {
            Some(value) => Ok(value),
            None => Err(vm.value_error("cell is empty")),
        }
    }

    #[setter]
    fn set_cell_contents(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let old = self.value.replace(vm, value.cloned());
        drop(old);
        Ok(())
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<PyCell>, vm: &mut Vm) -> PyResult {
        let address = zelf.as_value().bits();
        let text = match zelf.value.load(vm) {
            None => format!("<cell at {address:#x}: empty>"),
            Some(value) => format!("<cell at {address:#x}: {} object at {:#x}>", value.type_name(), value.id()),
        };
        Ok(vm.new_str(&text)?.into_value())
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let Some(other) = other.downcast::<PyCell>() else { return Ok(Value::not_implemented()) };
        match (self.value.load(vm), other.value.load(vm)) {
            (Some(a), Some(b)) => vm.rich_compare(&a, &b, op),
            (a, b) => Ok(Value::from_bool(op.matches(a.is_some().cmp(&b.is_some())))),
        }
    }
}
