//! `classmethod` and `staticmethod`.

use crate::args::Args;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};

/// Makes a function a method of the class: it gets the class it is called on as its first argument.
#[pyclass(name = "classmethod", flags(BASETYPE, MANAGED_DICT), managed, text_signature = "(function, /)")]
#[repr(C)]
pub struct ClassMethod {
    pub callable: GilCell<Option<Value>>,
}

/// Makes a function a method that gets neither object nor class.
#[pyclass(name = "staticmethod", flags(BASETYPE, MANAGED_DICT), managed, text_signature = "(function, /)")]
#[repr(C)]
pub struct StaticMethod {
    pub callable: GilCell<Option<Value>>,
}

/// `classmethod(function)`.
pub fn new_classmethod(vm: &mut Vm, function: Value) -> PyResult {
    let object = vm.new_object(ClassMethod { callable: GilCell::new(Some(function.clone())) })?.into_value();
    wrap(vm, &object, &function)?;
    Ok(object)
}

/// `staticmethod(function)`.
pub fn new_staticmethod(vm: &mut Vm, function: Value) -> PyResult {
    let object = vm.new_object(StaticMethod { callable: GilCell::new(Some(function.clone())) })?.into_value();
    wrap(vm, &object, &function)?;
    Ok(object)
}

/// Copies what makes the wrapper look like the function.
fn wrap(vm: &mut Vm, zelf: &Value, function: &Value) -> PyResult<()> {
    for name in [n!(__module__), n!(__name__), n!(__qualname__), n!(__doc__)] {
        if let Some(value) = vm.getattr_opt(function, name)? {
            crate::types::instance::set(vm, zelf, name, value)?;
        }
    }
    Ok(())
}

/// A callable's `__isabstractmethod__`, false if it has none.
pub fn is_abstract(vm: &mut Vm, callable: Option<&Value>) -> PyResult<bool> {
    let Some(callable) = callable else { return Ok(false) };
    match vm.getattr_opt(callable, n!(__isabstractmethod__))? {
        Some(value) => vm.is_true(&value),
        None => Ok(false),
    }
}

/// An attribute that is read from the function once and then kept in the wrapper's own dict.
fn cached(vm: &mut Vm, zelf: &Value, callable: Option<Value>, name: &Py<Str>) -> PyResult {
    if let Some(value) = zelf.header().and_then(|h| crate::types::instance::get(vm, h, name).cloned()) {
        return Ok(value);
    }
    let Some(callable) = callable else { return Ok(Value::none()) };
    let value = vm.getattr(&callable, name)?;
    crate::types::instance::set(vm, zelf, name, value.clone())?;
    Ok(value)
}

fn set_cached(vm: &mut Vm, zelf: &Value, name: &Py<Str>, value: Option<&Value>) -> PyResult<()> {
    let done = match value {
        Some(value) => crate::types::instance::set(vm, zelf, name, value.clone())?,
        None => crate::types::instance::delete(vm, zelf, name)?,
    };
    if done { Ok(()) } else { Err(vm.no_attribute(zelf, name)) }
}

fn repr(vm: &mut Vm, kind: &str, callable: Option<Value>) -> PyResult<String> {
    let callable = callable.unwrap_or_else(Value::none);
    let inner = vm.repr(&callable)?.to_string_lossy().into_owned();
    Ok(format!("<{kind}({inner})>"))
}

#[pymethods]
impl ClassMethod {
    #[new]
    fn py_new(cls: &Py<PyType>, _args: Args<'_>, vm: &mut Vm) -> PyResult<Py<ClassMethod>> {
        vm.new_instance(cls, ClassMethod { callable: GilCell::new(None) })
    }

    #[init]
    fn py_init(zelf: &Py<ClassMethod>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let [function] = args.unpack(vm, "classmethod", 1, 1)? else { return Ok(()) };
        let old = zelf.callable.replace(vm, Some(function.clone()));
        drop(old);
        wrap(vm, zelf.as_value(), function)
    }

    #[slot(descr_get)]
    fn slot_descr_get(&self, object: Option<&Value>, ty: Option<&Value>, vm: &mut Vm) -> PyResult {
        let Some(callable) = self.callable.load(vm) else { return Err(vm.runtime_error("uninitialized classmethod object")) };
        let cls = match (ty, object) {
            (Some(ty), _) => ty.clone(),
            (None, Some(object)) => object.ty().to_value(),
            (None, None) => Value::none(),
        };
        vm.new_method(callable, cls)
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<String> {
        let callable = self.callable.load(vm);
        repr(vm, "classmethod", callable)
    }

    #[getter(member)]
    fn __func__(&self, vm: &mut Vm) -> Option<Value> {
        self.callable.load(vm)
    }

    #[getter(member)]
    fn __wrapped__(&self, vm: &mut Vm) -> Option<Value> {
        self.callable.load(vm)
    }

    #[getter]
    fn __isabstractmethod__(&self, vm: &mut Vm) -> PyResult<bool> {
        let callable = self.callable.load(vm);
        is_abstract(vm, callable.as_ref())
    }

    #[getter]
    fn __annotations__(zelf: &Py<ClassMethod>, vm: &mut Vm) -> PyResult {
        let callable = zelf.callable.load(vm);
        cached(vm, zelf.as_value(), callable, n!(__annotations__))
    }

    #[setter]
    fn set___annotations__(zelf: &Py<ClassMethod>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        set_cached(vm, zelf.as_value(), n!(__annotations__), value)
    }

    #[getter]
    fn __annotate__(zelf: &Py<ClassMethod>, vm: &mut Vm) -> PyResult {
        let callable = zelf.callable.load(vm);
        cached(vm, zelf.as_value(), callable, n!(__annotate__))
    }

    #[setter]
    fn set___annotate__(zelf: &Py<ClassMethod>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        set_cached(vm, zelf.as_value(), n!(__annotate__), value)
    }

    /// Parameters between square brackets make a generic alias.
    #[classmethod]
    fn __class_getitem__(cls: &Py<PyType>, item: &Value, vm: &mut Vm) -> PyResult {
        crate::types::genericalias::new_alias(vm, cls.to_value(), item.clone())
    }
}

#[pymethods]
impl StaticMethod {
    #[new]
    fn py_new(cls: &Py<PyType>, _args: Args<'_>, vm: &mut Vm) -> PyResult<Py<StaticMethod>> {
        vm.new_instance(cls, StaticMethod { callable: GilCell::new(None) })
    }

    #[init]
    fn py_init(zelf: &Py<StaticMethod>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let [function] = args.unpack(vm, "staticmethod", 1, 1)? else { return Ok(()) };
        let old = zelf.callable.replace(vm, Some(function.clone()));
        drop(old);
        wrap(vm, zelf.as_value(), function)
    }

    #[slot(descr_get)]
    fn slot_descr_get(&self, _object: Option<&Value>, _ty: Option<&Value>, vm: &mut Vm) -> PyResult {
        match self.callable.load(vm) {
            Some(callable) => Ok(callable),
            None => Err(vm.runtime_error("uninitialized staticmethod object")),
        }
    }

    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        match self.callable.load(vm) {
            Some(callable) => vm.call_args(&callable, args),
            None => Err(vm.runtime_error("uninitialized staticmethod object")),
        }
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<String> {
        let callable = self.callable.load(vm);
        repr(vm, "staticmethod", callable)
    }

    #[getter(member)]
    fn __func__(&self, vm: &mut Vm) -> Option<Value> {
        self.callable.load(vm)
    }

    #[getter(member)]
    fn __wrapped__(&self, vm: &mut Vm) -> Option<Value> {
        self.callable.load(vm)
    }

    #[getter]
    fn __isabstractmethod__(&self, vm: &mut Vm) -> PyResult<bool> {
        let callable = self.callable.load(vm);
        is_abstract(vm, callable.as_ref())
    }

    #[getter]
    fn __annotations__(zelf: &Py<StaticMethod>, vm: &mut Vm) -> PyResult {
        let callable = zelf.callable.load(vm);
        cached(vm, zelf.as_value(), callable, n!(__annotations__))
    }

    #[setter]
    fn set___annotations__(zelf: &Py<StaticMethod>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        set_cached(vm, zelf.as_value(), n!(__annotations__), value)
    }

    #[getter]
    fn __annotate__(zelf: &Py<StaticMethod>, vm: &mut Vm) -> PyResult {
        let callable = zelf.callable.load(vm);
        cached(vm, zelf.as_value(), callable, n!(__annotate__))
    }

    #[setter]
    fn set___annotate__(zelf: &Py<StaticMethod>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        set_cached(vm, zelf.as_value(), n!(__annotate__), value)
    }

    /// Parameters between square brackets make a generic alias.
    #[classmethod]
    fn __class_getitem__(cls: &Py<PyType>, item: &Value, vm: &mut Vm) -> PyResult {
        crate::types::genericalias::new_alias(vm, cls.to_value(), item.clone())
    }
}

