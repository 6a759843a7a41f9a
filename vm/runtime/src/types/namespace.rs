//! `types.SimpleNamespace`: attributes and a repr, nothing else. The attributes are the instance's dict.

use crate::types::dict::Dict;
use crate::types::instance;
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Value, Vm, pyclass, pymethods};

/// An object whose attributes are what it was called with: the pairs of a mapping or of an
/// iterable first, then the keyword arguments.
#[pyclass(name = "SimpleNamespace", module = "types", flags(BASETYPE, MANAGED_DICT), managed, text_signature = "(mapping_or_iterable=(), /, **kwargs)")]
pub struct Namespace {}

/// A namespace with the items of `dict` as attributes.
pub fn new(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<Value> {
    let namespace = vm.new_object(Namespace {})?.into_value();
    let own = instance::materialize(vm, &namespace)?;
    own.copy_from(vm, dict)?;
    Ok(namespace)
}

/// TypeError unless all keys are strings.
fn check_names(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let strings = dict.iter(vm).all(|(key, _)| key.is::<Str>());
    if strings { Ok(()) } else { Err(vm.type_error("keywords must be strings")) }
}

fn add_keywords(vm: &mut Vm, own: &Py<Dict>, args: Args<'_>) -> PyResult<()> {
    for (key, value) in args.keywords() {
        if !key.is::<Str>() {
            return Err(vm.type_error("keywords must be strings"));
        }
        own.set(vm, key, value.clone())?;
    }
    Ok(())
}

#[pymethods]
impl Namespace {
    #[new]
    fn py_new(cls: &Py<PyType>, _args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Namespace>> {
        vm.new_instance(cls, Namespace {})
    }

    #[init]
    fn py_init(zelf: &Py<Namespace>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let name = crate::types::typeobject::name_text(vm, zelf.as_value().ty());
        crate::args::check_positional(vm, &name, args.positional().len(), 0, 1)?;
        let own = instance::materialize(vm, zelf.as_value())?;
        if let Some(source) = args.positional().first() {
            let dict = match source.downcast_exact::<Dict>() {
                Some(dict) => dict.clone(),
                None => {
                    let dict = vm.new_dict()?;
                    dict.update_from(vm, source)?;
                    dict
                }
            };
            check_names(vm, &dict)?;
            own.copy_from(vm, &dict)?;
        }
        add_keywords(vm, &own, args)
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Namespace>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let object = zelf.as_value();
        let name = if zelf.is_exact() { "namespace".to_owned() } else { crate::types::typeobject::name_text(vm, object.ty()) };
        if vm.repr_enter(object) {
            return vm.new_str(&format!("{name}(...)"));
        }
        let parts = repr_parts(vm, object);
        vm.repr_leave(object);
        let parts = parts?;
        vm.new_str(&format!("{name}({})", parts.join(", ")))
    }

    #[slot(richcompare)]
    fn slot_richcompare(zelf: &Py<Namespace>, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        if !other.is::<Namespace>() {
            return Ok(Value::not_implemented());
        }
        let a = instance::materialize(vm, zelf.as_value())?.into_value();
        let b = instance::materialize(vm, other)?.into_value();
        vm.rich_compare(&a, &b, op)
    }

    /// For pickling.
    #[method]
    fn __reduce__(zelf: &Py<Namespace>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let dict = instance::materialize(vm, zelf.as_value())?.into_value();
        let none = vm.new_tuple(Vec::new())?.into_value();
        vm.new_tuple(vec![zelf.as_value().ty().to_value(), none, dict])
    }

    /// A copy in which the named attributes have new values.
    #[method(text = "(**changes)")]
    fn __replace__(zelf: &Py<Namespace>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        if !args.positional().is_empty() {
            return Err(vm.type_error("__replace__() takes no positional arguments"));
        }
        let ty = zelf.as_value().ty().to_value();
        let result = vm.call(&ty, &[])?;
        if !result.is::<Namespace>() {
            let class = zelf.as_value().ty().clone();
            let (class, got) = (crate::eval::ops::attr::fully_qualified_name(vm, &class), result.type_name());
            return Err(vm.type_error(format!("expect types.SimpleNamespace type, but {class}() returned '{got}' object")));
        }
        let source = instance::materialize(vm, zelf.as_value())?;
        let own = instance::materialize(vm, &result)?;
        own.copy_from(vm, &source)?;
        add_keywords(vm, &own, args)?;
        Ok(result)
    }
}

fn repr_parts(vm: &mut Vm, object: &Value) -> PyResult<Vec<String>> {
    let dict = instance::materialize(vm, object)?;
    let mut parts = Vec::new();
    for (key, value) in dict.to_vec(vm) {
        if let Some(name) = key.downcast::<Str>().filter(|s| s.chars().next().is_some()) {
            let value = vm.repr(&value)?;
            parts.push(format!("{}={}", name.to_string_lossy(), value.to_string_lossy()));
        }
    }
    Ok(parts)
}
