//! Functions about objects and their attributes.

use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pyfunction};

/// Represent an object in ASCII: `repr()` with every other character escaped.
#[pyfunction(sig = "(obj, /)")]
pub fn ascii(obj: &Value, vm: &mut Vm) -> PyResult<Py<Str>> {
    vm.ascii(obj)
}

/// Whether the object can be called. Instances can if their class has a `__call__()` method.
#[pyfunction(sig = "(obj, /)")]
pub fn callable(obj: &Value) -> bool {
    obj.type_ref().slots.call.get().is_some()
}

/// Delete the named attribute: `delattr(x, 'y')` is `del x.y`.
#[pyfunction(sig = "(obj, name, /)")]
pub fn delattr(obj: &Value, name: &Value, vm: &mut Vm) -> PyResult<()> {
    let name = attribute_name(vm, name)?;
    vm.delattr(obj, &name)
}

/// Set the named attribute: `setattr(x, 'y', v)` is `x.y = v`.
#[pyfunction(sig = "(obj, name, value, /)")]
pub fn setattr(obj: &Value, name: &Value, value: &Value, vm: &mut Vm) -> PyResult<()> {
    let name = attribute_name(vm, name)?;
    vm.setattr(obj, &name, value)
}

/// Get the named attribute: `getattr(x, 'y')` is `x.y`.
///
/// With a default, that is returned when there is no such attribute instead of raising AttributeError.
#[pyfunction]
pub fn getattr(object: &Value, name: &Value, default: Option<Value>, vm: &mut Vm) -> PyResult {
    let name = attribute_name(vm, name)?;
    match default {
        None => vm.getattr(object, &name),
        Some(default) => Ok(vm.getattr_opt(object, &name)?.unwrap_or(default)),
    }
}

/// Whether the object has an attribute of this name: `getattr()` is tried.
#[pyfunction(sig = "(obj, name, /)")]
pub fn hasattr(obj: &Value, name: &Value, vm: &mut Vm) -> PyResult<bool> {
    let name = attribute_name(vm, name)?;
    Ok(vm.getattr_opt(obj, &name)?.is_some())
}

/// An interned name, or TypeError.
fn attribute_name(vm: &mut Vm, name: &Value) -> PyResult<Py<Str>> {
    match name.downcast::<Str>() {
        Some(s) => Ok(vm.intern_object(s)),
        None => {
            let got = name.type_name();
            Err(vm.type_error(format!("attribute name must be string, not '{got}'")))
        }
    }
}

/// The names in the current scope, or the attributes of an object, sorted.
///
/// What an object offers is up to its `__dir__()` method.
#[pyfunction]
pub fn dir(object: Option<Value>, vm: &mut Vm) -> PyResult {
    let names = match object {
        None => {
            let locals = crate::builtins::frames::locals(vm)?;
            vm.call_method(&locals, n!(keys), &[])?
        }
        Some(object) => match vm.lookup_special(&object, n!(__dir__))? {
            Some(method) => vm.call(&method, &[])?,
            None => return Err(vm.type_error("object does not provide __dir__")),
        },
    };
    let items = vm.collect(&names)?;
    let list = vm.new_list(items)?.into_value();
    let sort = vm.intern("sort");
    vm.call_method(&list, &sort, &[])?;
    Ok(list)
}

/// The hash of an object; equal objects have the same one.
#[pyfunction(sig = "(obj, /)")]
pub fn hash(obj: &Value, vm: &mut Vm) -> PyResult<i64> {
    vm.hash(obj)
}

/// The identity of an object, unique among the objects that exist at the same time.
#[pyfunction(sig = "(obj, /)")]
pub fn id(obj: &Value, vm: &mut Vm) -> PyResult<u64> {
    vm.audit_with("builtins.id", |vm| Ok(vec![vm.new_int(obj.id())?]))?;
    Ok(obj.id())
}

/// Whether an object is an instance of a class, of a subclass, or of one of several classes in a tuple or union.
#[pyfunction(sig = "(obj, class_or_tuple, /)")]
pub fn isinstance(obj: &Value, class_or_tuple: &Value, vm: &mut Vm) -> PyResult<bool> {
    vm.isinstance(obj, class_or_tuple)
}

/// Whether a class is derived from another, or from one of several classes in a tuple or union.
#[pyfunction(sig = "(cls, class_or_tuple, /)")]
pub fn issubclass(cls: &Value, class_or_tuple: &Value, vm: &mut Vm) -> PyResult<bool> {
    vm.issubclass(cls, class_or_tuple)
}

/// Number of items in a container.
#[pyfunction(sig = "(obj, /)")]
pub fn len(obj: &Value, vm: &mut Vm) -> PyResult<usize> {
    vm.len(obj)
}

/// A string that shows the object; often source code that would make an equal one.
#[pyfunction(sig = "(obj, /)")]
pub fn repr(obj: &Value, vm: &mut Vm) -> PyResult<Py<Str>> {
    vm.repr(obj)
}

/// The `__dict__` of an object; without one `locals()`.
#[pyfunction]
pub fn vars(object: Option<Value>, vm: &mut Vm) -> PyResult {
    match object {
        None => crate::builtins::frames::locals(vm),
        Some(object) => match vm.getattr_opt(&object, n!(__dict__))? {
            Some(dict) => Ok(dict),
            None => Err(vm.type_error("vars() argument must have __dict__ attribute")),
        },
    }
}
