//! `property`.

use crate::types::type_::PyType;
use crate::types::typeobject::qualname_text;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyResult, Raised, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// An attribute whose access calls functions: fget to read it, fset to write it, fdel to delete it.
///
/// Without doc the property takes over the documentation of fget.
#[pyclass(name = "property", flags(BASETYPE), gc, text_signature = "(fget=None, fset=None, fdel=None, doc=None)")]
#[repr(C)]
pub struct Property {
    pub fget: GilCell<Option<Value>>,
    pub fset: GilCell<Option<Value>>,
    pub fdel: GilCell<Option<Value>>,
    doc: GilCell<Option<Value>>,
    name: GilCell<Option<Value>>,
    /// The documentation is the getter's.
    getter_doc: Cell<bool>,
}

fn put(vm: &mut Vm, cell: &GilCell<Option<Value>>, value: Option<Value>) {
    let old = cell.replace(vm, value);
    drop(old);
}

impl Property {
    /// The name: what `__set_name__` told, or the getter's.
    fn name_opt(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        if let Some(name) = self.name.load(vm) {
            return Ok(Some(name));
        }
        match self.fget.load(vm) {
            Some(fget) => vm.getattr_opt(&fget, n!(__name__)),
            None => Ok(None),
        }
    }

    #[cold]
    fn missing(&self, vm: &mut Vm, object: &Value, what: &str) -> Raised {
        let name = match self.name_opt(vm) {
            Ok(name) => name,
            Err(e) => return e,
        };
        let class = qualname_text(vm, object.ty());
        let message = match name {
            Some(name) => match vm.repr(&name) {
                Ok(name) => format!("property {} of '{class}' object has no {what}", name.to_string_lossy()),
                Err(e) => return e,
            },
            None => format!("property of '{class}' object has no {what}"),
        };
        vm.attribute_error(message)
    }

    /// A property like this one with one function replaced.
    fn copy(zelf: &Py<Property>, change: (usize, &Value), vm: &mut Vm) -> PyResult {
        let or_none = |v: Option<Value>| v.unwrap_or_else(Value::none);
        let mut parts = [or_none(zelf.fget.load(vm)), or_none(zelf.fset.load(vm)), or_none(zelf.fdel.load(vm))];
        if !change.1.is_none()
            && let Some(part) = parts.get_mut(change.0) {
                *part = change.1.clone();
            }
        let [get, set, del] = parts;
        let doc = if zelf.getter_doc.get() && !get.is_none() { Value::none() } else { or_none(zelf.doc.load(vm)) };
        let class = zelf.as_value().ty().to_value();
        let new = vm.call(&class, &[get, set, del, doc])?;
        if let Some(property) = new.downcast::<Property>() {
            let name = zelf.name.load(vm);
            put(vm, &property.name, name);
        }
        Ok(new)
    }

    fn set_doc(zelf: &Py<Property>, given: Option<Value>, vm: &mut Vm) -> PyResult<()> {
        zelf.getter_doc.set(false);
        let mut doc = given;
        if doc.is_none()
            && let Some(fget) = zelf.fget.load(vm) {
                doc = vm.getattr_opt(&fget, n!(__doc__))?.filter(|d| !d.is_none());
                zelf.getter_doc.set(doc.is_some());
            }
        if zelf.is_exact() {
            put(vm, &zelf.doc, doc);
            return Ok(());
        }
        // Instances of subclasses keep it where the subclass wants it.
        let doc = doc.unwrap_or_else(Value::none);
        let result = vm.setattr(zelf.as_value(), n!(__doc__), &doc);
        match result {
            Err(e) if !zelf.getter_doc.get() && vm.is_raised::<crate::types::exceptions::AttributeError>(&e) => Ok(()),
            other => other,
        }
    }
}

#[pymethods]
impl Property {
    #[new]
    fn py_new(cls: &Py<PyType>, _args: crate::Args<'_>, vm: &mut Vm) -> PyResult<Py<Property>> {
        let none = || GilCell::new(None);
        let payload = Property { fget: none(), fset: none(), fdel: none(), doc: none(), name: none(), getter_doc: Cell::new(false) };
        vm.new_instance(cls, payload)
    }

    #[init(sig = "(fget=None, fset=None, fdel=None, doc=None)")]
    fn py_init(zelf: &Py<Property>, fget: Option<Value>, fset: Option<Value>, fdel: Option<Value>, doc: Option<Value>, vm: &mut Vm) -> PyResult<()> {
        put(vm, &zelf.fget, fget);
        put(vm, &zelf.fset, fset);
        put(vm, &zelf.fdel, fdel);
        put(vm, &zelf.doc, None);
        put(vm, &zelf.name, None);
        Property::set_doc(zelf, doc, vm)
    }

    #[slot(descr_get)]
    fn slot_descr_get(zelf: &Py<Property>, object: Option<&Value>, _ty: Option<&Value>, vm: &mut Vm) -> PyResult {
        let Some(object) = object.filter(|o| !o.is_none()) else { return Ok(zelf.to_value()) };
        match zelf.fget.load(vm) {
            Some(fget) => vm.call(&fget, std::slice::from_ref(object)),
            None => Err(zelf.missing(vm, object, "getter")),
        }
    }

    #[slot(descr_set)]
    fn slot_descr_set(&self, object: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let function = match value {
            Some(_) => self.fset.load(vm),
            None => self.fdel.load(vm),
        };
        match (function, value) {
            (Some(f), Some(value)) => vm.call(&f, &[object.clone(), value.clone()])?,
            (Some(f), None) => vm.call(&f, std::slice::from_ref(object))?,
            (None, Some(_)) => return Err(self.missing(vm, object, "setter")),
            (None, None) => return Err(self.missing(vm, object, "deleter")),
        };
        Ok(())
    }

    #[getter(member)]
    fn fget(&self, vm: &mut Vm) -> Option<Value> {
        self.fget.load(vm)
    }

    #[getter(member)]
    fn fset(&self, vm: &mut Vm) -> Option<Value> {
        self.fset.load(vm)
    }

    #[getter(member)]
    fn fdel(&self, vm: &mut Vm) -> Option<Value> {
        self.fdel.load(vm)
    }

    #[getter]
    fn __doc__(&self, vm: &mut Vm) -> Option<Value> {
        self.doc.load(vm)
    }

    #[setter]
    fn set___doc__(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        put(vm, &self.doc, value.cloned());
        Ok(())
    }

    #[getter]
    fn __name__(zelf: &Py<Property>, vm: &mut Vm) -> PyResult {
        match zelf.name_opt(vm)? {
            Some(name) => Ok(name),
            None => {
                let class = zelf.as_value().type_name();
                Err(vm.attribute_error_for(&format!("'{class}' object has no attribute '__name__'"), zelf.as_value(), n!(__name__)))
            }
        }
    }

    #[setter]
    fn set___name__(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        put(vm, &self.name, value.cloned());
        Ok(())
    }

    #[getter]
    fn __isabstractmethod__(&self, vm: &mut Vm) -> PyResult<bool> {
        let parts = [self.fget.load(vm), self.fset.load(vm), self.fdel.load(vm)];
        for part in parts {
            if crate::types::classmethod::is_abstract(vm, part.as_ref())? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A copy of the property with another function to read it.
    #[method(sig = "(fget, /)")]
    fn getter(zelf: &Py<Property>, fget: &Value, vm: &mut Vm) -> PyResult {
        Property::copy(zelf, (0, fget), vm)
    }

    /// A copy of the property with another function to write it.
    #[method(sig = "(fset, /)")]
    fn setter(zelf: &Py<Property>, fset: &Value, vm: &mut Vm) -> PyResult {
        Property::copy(zelf, (1, fset), vm)
    }

    /// A copy of the property with another function to delete it.
    #[method(sig = "(fdel, /)")]
    fn deleter(zelf: &Py<Property>, fdel: &Value, vm: &mut Vm) -> PyResult {
        Property::copy(zelf, (2, fdel), vm)
    }

    /// Told by the class which name the property has in it.
    #[method(text = "(owner, name, /)")]
    fn __set_name__(&self, args: crate::Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let n = args.values().len();
        match args.positional() {
            [_, name] if n == 2 => {
                put(vm, &self.name, Some(name.clone()));
                Ok(())
            }
            _ => Err(vm.type_error(format!("__set_name__() takes 2 positional arguments but {n} were given"))),
        }
    }
}

