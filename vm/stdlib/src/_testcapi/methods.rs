//! Methods of each calling convention, which tell what they were called with: on instances, on classes, static, and of the module.

use krait_runtime::types::str_::Str;
use krait_runtime::types::type_::PyType;
use krait_runtime::{Args, Py, PyResult, Value, Vm, pyclass, pyfunction, pymethods};

fn positional(vm: &mut Vm, name: &str, zelf: Value, args: Args<'_>) -> PyResult {
    if args.has_keywords() {
        return Err(vm.type_error(format!("{name}() takes no keyword arguments")));
    }
    let args = vm.new_tuple_from(args.positional())?.into_value();
    Ok(vm.new_tuple(vec![zelf, args])?.into_value())
}

fn with_keywords(vm: &mut Vm, zelf: Value, args: Args<'_>) -> PyResult {
    let keywords = if args.has_keywords() {
        let dict = vm.new_dict()?;
        for (name, value) in args.keywords() {
            if let Some(name) = name.downcast::<Str>() {
                dict.set_str(vm, name, value.clone())?;
            }
        }
        dict.into_value()
    } else {
        Value::none()
    };
    let args = vm.new_tuple_from(args.positional())?.into_value();
    Ok(vm.new_tuple(vec![zelf, args, keywords])?.into_value())
}

fn one(vm: &mut Vm, zelf: Value, args: Args<'_>) -> PyResult {
    if args.has_keywords() {
        return Err(vm.type_error("meth_o() takes no keyword arguments"));
    }
    match args.positional() {
        [o] => Ok(vm.new_tuple(vec![zelf, o.clone()])?.into_value()),
        other => Err(vm.type_error(format!("meth_o() takes exactly one argument ({} given)", other.len()))),
    }
}

fn none(vm: &mut Vm, zelf: Value, args: Args<'_>) -> PyResult {
    if args.has_keywords() {
        return Err(vm.type_error("meth_noargs() takes no keyword arguments"));
    }
    match args.positional().len() {
        0 => Ok(zelf),
        n => Err(vm.type_error(format!("meth_noargs() takes no arguments ({n} given)"))),
    }
}

/// A class whose methods get the instance.
#[pyclass(name = "MethInstance", module = "_testcapi")]
pub struct MethInstance {}

/// A class whose methods get the class.
#[pyclass(name = "MethClass", module = "_testcapi")]
pub struct MethClass {}

/// A class whose methods get neither.
#[pyclass(name = "MethStatic", module = "_testcapi")]
pub struct MethStatic {}

#[pymethods]
impl MethInstance {
    #[new]
    fn new(cls: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<MethInstance>> {
        vm.new_instance(cls, MethInstance {})
    }
    #[method]
    fn meth_varargs(zelf: &Py<MethInstance>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        positional(vm, "meth_varargs", zelf.to_value(), args)
    }
    #[method]
    fn meth_varargs_keywords(zelf: &Py<MethInstance>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        with_keywords(vm, zelf.to_value(), args)
    }
    #[method]
    fn meth_o(zelf: &Py<MethInstance>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        one(vm, zelf.to_value(), args)
    }
    #[method]
    fn meth_noargs(zelf: &Py<MethInstance>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        none(vm, zelf.to_value(), args)
    }
    #[method]
    fn meth_fastcall(zelf: &Py<MethInstance>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        positional(vm, "meth_fastcall", zelf.to_value(), args)
    }
    #[method]
    fn meth_fastcall_keywords(zelf: &Py<MethInstance>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        with_keywords(vm, zelf.to_value(), args)
    }
}

#[pymethods]
impl MethClass {
    #[new]
    fn new(cls: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<MethClass>> {
        vm.new_instance(cls, MethClass {})
    }
    #[classmethod]
    fn meth_varargs(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        positional(vm, "meth_varargs", cls.to_value(), args)
    }
    #[classmethod]
    fn meth_varargs_keywords(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        with_keywords(vm, cls.to_value(), args)
    }
    #[classmethod]
    fn meth_o(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        one(vm, cls.to_value(), args)
    }
    #[classmethod]
    fn meth_noargs(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        none(vm, cls.to_value(), args)
    }
    #[classmethod]
    fn meth_fastcall(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        positional(vm, "meth_fastcall", cls.to_value(), args)
    }
    #[classmethod]
    fn meth_fastcall_keywords(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        with_keywords(vm, cls.to_value(), args)
    }
}

#[pymethods]
impl MethStatic {
    #[new]
    fn new(cls: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<MethStatic>> {
        vm.new_instance(cls, MethStatic {})
    }
    #[staticmethod]
    fn meth_varargs(args: Args<'_>, vm: &mut Vm) -> PyResult {
        positional(vm, "meth_varargs", Value::none(), args)
    }
    #[staticmethod]
    fn meth_varargs_keywords(args: Args<'_>, vm: &mut Vm) -> PyResult {
        with_keywords(vm, Value::none(), args)
    }
    #[staticmethod]
    fn meth_o(args: Args<'_>, vm: &mut Vm) -> PyResult {
        one(vm, Value::none(), args)
    }
    #[staticmethod]
    fn meth_noargs(args: Args<'_>, vm: &mut Vm) -> PyResult {
        none(vm, Value::none(), args)
    }
    #[staticmethod]
    fn meth_fastcall(args: Args<'_>, vm: &mut Vm) -> PyResult {
        positional(vm, "meth_fastcall", Value::none(), args)
    }
    #[staticmethod]
    fn meth_fastcall_keywords(args: Args<'_>, vm: &mut Vm) -> PyResult {
        with_keywords(vm, Value::none(), args)
    }
}

fn module(vm: &mut Vm) -> PyResult {
    let name = vm.intern("_testcapi");
    let found = vm.interp.modules.load(vm).and_then(|m| m.get_str(vm, &name).cloned());
    Ok(found.unwrap_or_else(Value::none))
}

/// What it was called with.
#[pyfunction]
pub fn meth_varargs(args: Args<'_>, vm: &mut Vm) -> PyResult {
    let zelf = module(vm)?;
    positional(vm, "meth_varargs", zelf, args)
}

/// What it was called with.
#[pyfunction]
pub fn meth_varargs_keywords(args: Args<'_>, vm: &mut Vm) -> PyResult {
    let zelf = module(vm)?;
    with_keywords(vm, zelf, args)
}

/// What it was called with.
#[pyfunction]
pub fn meth_o(args: Args<'_>, vm: &mut Vm) -> PyResult {
    let zelf = module(vm)?;
    one(vm, zelf, args)
}

/// What it was called with.
#[pyfunction]
pub fn meth_noargs(args: Args<'_>, vm: &mut Vm) -> PyResult {
    let zelf = module(vm)?;
    none(vm, zelf, args)
}

/// What it was called with.
#[pyfunction]
pub fn meth_fastcall(args: Args<'_>, vm: &mut Vm) -> PyResult {
    let zelf = module(vm)?;
    positional(vm, "meth_fastcall", zelf, args)
}

/// What it was called with.
#[pyfunction]
pub fn meth_fastcall_keywords(args: Args<'_>, vm: &mut Vm) -> PyResult {
    let zelf = module(vm)?;
    with_keywords(vm, zelf, args)
}
