//! Exceptions that native code raises.

use krait_runtime::types::exceptions::{BaseException, new_of};
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyClass, PyResult, Value, Vm, pyclass, pyfunction, pymethods};

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

/// From now on the allocations of objects behind the `start`-th fail, up to the `stop`-th, or all of them if that is 0.
#[pyfunction(sig = "(start, stop=0, /)")]
pub fn set_nomemory(start: i32, stop: i32) {
    krait_heap::failing::set(i64::from(start), i64::from(stop));
}

/// No allocation fails on purpose any more.
#[pyfunction]
pub fn remove_mem_hooks() {
    krait_heap::failing::clear();
}

/// Making one makes another first, and so on.
#[pyclass(name = "RecursingInfinitelyError", module = "_testcapi", base = krait_runtime::types::exceptions::Exception, flags(BASETYPE, BASE_EXC_SUBCLASS, MANAGED_DICT), managed)]
#[repr(C)]
pub struct RecursingInfinitelyError {
    base: BaseException,
}

impl From<BaseException> for RecursingInfinitelyError {
    fn from(base: BaseException) -> Self {
        RecursingInfinitelyError { base }
    }
}

#[pymethods]
impl RecursingInfinitelyError {
    #[new]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        new_of::<RecursingInfinitelyError>(vm, cls, args)
    }

    #[init]
    fn init(zelf: &Py<RecursingInfinitelyError>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let _ = args;
        let class = zelf.as_value().ty().to_value();
        let inner = vm.call(&class, &[])?;
        Err(vm.raise_object(inner))
    }
}
