//! `None`, `NotImplemented` and `...`: their types.

use crate::args::Args;
use crate::types::type_::PyType;
use crate::{Py, PyResult, Value, Vm, pyclass, pymethods};

/// The type of None.
#[pyclass(name = "NoneType", text_signature = "()")]
pub struct NoneType;

/// The type of NotImplemented, which a binary method returns to let the other operand try.
#[pyclass(name = "NotImplementedType", text_signature = "()")]
pub struct NotImplementedType;

/// The type of `...`.
#[pyclass(name = "ellipsis", text_signature = "()")]
pub struct EllipsisType;

fn no_arguments(vm: &mut Vm, name: &str, args: Args<'_>) -> PyResult<()> {
    if args.values().is_empty() { Ok(()) } else { Err(vm.type_error(format!("{name} takes no arguments"))) }
}

#[pymethods]
impl NoneType {
    #[new]
    fn py_new(_cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        no_arguments(vm, "NoneType", args)?;
        Ok(Value::none())
    }

    #[slot(repr)]
    fn slot_repr(&self) -> &'static str {
        "None"
    }

    #[slot(bool)]
    fn slot_bool(&self, _vm: &mut Vm) -> PyResult<bool> {
        Ok(false)
    }

    #[slot(hash)]
    fn slot_hash(&self, _vm: &mut Vm) -> PyResult<i64> {
        // A constant, so that sets with None in them are the same in every run.
        Ok(0xfca8_6420)
    }
}

#[pymethods]
impl NotImplementedType {
    #[new]
    fn py_new(_cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        no_arguments(vm, "NotImplementedType", args)?;
        Ok(Value::not_implemented())
    }

    #[slot(repr)]
    fn slot_repr(&self) -> &'static str {
        "NotImplemented"
    }

    #[slot(bool)]
    fn slot_bool(&self, vm: &mut Vm) -> PyResult<bool> {
        Err(vm.type_error("NotImplemented should not be used in a boolean context"))
    }

    /// For pickling.
    #[method]
    fn __reduce__(&self) -> &'static str {
        "NotImplemented"
    }
}

#[pymethods]
impl EllipsisType {
    #[new]
    fn py_new(_cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        no_arguments(vm, "EllipsisType", args)?;
        Ok(Value::ellipsis())
    }

    #[slot(repr)]
    fn slot_repr(&self) -> &'static str {
        "Ellipsis"
    }

    /// For pickling.
    #[method]
    fn __reduce__(&self) -> &'static str {
        "Ellipsis"
    }
}
