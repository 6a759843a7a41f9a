//! Exceptions that native code raises.

use krait_runtime::types::exceptions::BaseException;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{PyClass, PyResult, Value, Vm, pyfunction};

/// Raise an exception of a class, with so many numbers as its arguments.
#[pyfunction(sig = "(exception, num_args, /)")]
pub fn raise_exception(exception: &Value, num_args: i32, vm: &mut Vm) -> PyResult {
    let base = BaseException::static_type().ready(vm)?;
    let is_class = exception.downcast::<PyType>().is_some_and(|t| t.is_subtype(vm, base));
    if !is_class {
        let shown = vm.repr(exception)?.to_string_lossy().into_owned();
        return Err(vm.system_error(format!("_PyErr_SetObject: exception {shown} is not a BaseException subclass")));
    }
    let args: Vec<Value> = (0..num_args.max(0)).map(Value::from_i32).collect();
    let made = vm.call(exception, &args)?;
    if !made.is::<BaseException>() {
        let (class, got) = (vm.repr(exception)?.to_string_lossy().into_owned(), made.type_name());
        return Err(vm.type_error(format!("calling {class} should have returned an instance of BaseException, not {got}")));
    }
    Err(vm.raise_object(made))
}
