//! Instrumented code: what `sys.settrace`, `sys.setprofile` and `sys.monitoring` hang on. Absent so far: no events are sent.

use crate::types::frame::FrameObject;
use crate::{PyResult, Value, Vm};

/// What a code object's running copy is instrumented for.
pub struct Instrumentation {}

/// `frame.f_lineno = n`, which only a tracing function may do.
pub fn set_lineno(vm: &mut Vm, _frame: &FrameObject, value: Option<&Value>) -> PyResult<()> {
    match value {
        None => Err(vm.attribute_error("cannot delete attribute")),
        Some(_) => Err(vm.value_error("f_lineno can only be set in a trace function")),
    }
}
