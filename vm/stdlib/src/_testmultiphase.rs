//! `_testmultiphase`: a module with a class, an exception, functions and constants, for tests of importing.
//!
//! In CPython it is a shared library; Krait loads none, and has the module's contents as a native module. The many other modules of that
//! library, and the functions that need the C interface, are not there.

use krait_runtime::types::dict::Dict;
use krait_runtime::types::exceptions::{BaseException, Exception};
use krait_runtime::types::str_::Str;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyClass, PyResult, Value, Vm, pyclass, pyfunction, pymethods};

/// A class with a method and attributes.
#[pyclass(name = "Example", module = "_testimportexec", flags(BASETYPE), managed)]
struct Example {}

#[pymethods]
impl Example {
    #[new]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Example>> {
        let _ = args;
        vm.new_instance(cls, Example {})
    }

    /// The argument, if it is a str.
    #[method(sig = "(o=None, /)")]
    fn demo(&self, o: Value) -> Value {
        if o.is::<Str>() { o } else { Value::none() }
    }
}

/// An exception of the module's own.
#[pyclass(name = "error", module = "_testimportexec", base = Exception, flags(BASETYPE))]
#[repr(C)]
struct Error {
    base: Exception,
}

#[pymethods]
impl Error {
    #[new]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        krait_runtime::types::exceptions::new_of::<Error>(vm, cls, args)
    }
}

impl From<BaseException> for Error {
    fn from(base: BaseException) -> Error {
        Error { base: base.into() }
    }
}

/// The sum of i and j.
#[pyfunction(sig = "(i, j, /)")]
fn foo(i: i64, j: i64) -> i64 {
    i.wrapping_add(j)
}

krait_runtime::module! {
    "_testmultiphase",
    doc: "A module for tests of importing.",
    functions: [foo],
    types: [Example, Error],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let metatype = PyType::static_type().ready(vm)?.to_value();
    let name = vm.intern("Str");
    let base = Str::static_type().ready(vm)?.to_value();
    let bases = vm.new_tuple(vec![base])?.into_value();
    let namespace = vm.new_dict()?;
    let (key, module) = (vm.intern("__module__"), vm.intern("_testimportexec").into_value());
    namespace.set_str(vm, &key, module)?;
    let class = vm.call(&metatype, &[name.to_value(), bases, namespace.into_value()])?;
    let text = vm.new_str("something different")?.into_value();
    for (key, value) in [("Str", class), ("int_const", Value::from_i32(1969)), ("str_const", text)] {
        let key = vm.intern(key);
        dict.set_str(vm, &key, value)?;
    }
    Ok(())
}
