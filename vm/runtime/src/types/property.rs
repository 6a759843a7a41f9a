//! `property`.

use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyResult, Raised, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// An attribute that functions compute.
///
/// fget reads it, fset writes it, fdel deletes it; doc is its docstring, that of fget by default.
#[pyclass(name = "property", flags(BASETYPE), gc, text_signature = "(fget=None, fset=None, fdel=None, doc=None)")]
#[repr(C)]
pub struct Property {
    fget: GilCell<Option<Value>>,
    fset: GilCell<Option<Value>>,
    fdel: GilCell<Option<Value>>,
    doc: GilCell<Option<Value>>,
    name: GilCell<Option<Value>>,
    /// The docstring is the getter's.
    getter_doc: Cell<bool>,
}

impl Property {
    fn empty() -> Property {
        Property {
            fget: GilCell::new(None),
            fset: GilCell::new(None),
            fdel: GilCell::new(None),
            doc: GilCell::new(None),
            name: GilCell::new(None),
            getter_doc: Cell::new(false),
        }
    }

    /// The getter, for the evaluator's inline cache.
    pub fn getter_function(&self, vm: &Vm) -> Option<Value> {
        self.fget.load(vm)
    }

    fn name_of(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
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
        let name = match self.name_of(vm) {
            Ok(name) => name,
            Err(e) => return e,
        };
        let ty = match vm.getattr(object.ty().as_value(), n!(__qualname__)) {
            Ok(q) => q.downcast::<Str>().map_or_else(|| object.type_name(), |s| s.to_string_lossy().into_owned()),
            Err(e) => return e,
        };
        let text = match name {
            Some(name) => match vm.repr(&name) {
                Ok(shown) => format!("property {} of '{ty}' object has no {what}", shown.to_string_lossy()),
                Err(e) => return e,
            },
            None => format!("property of '{ty}' object has no {what}"),
        };
        vm.attribute_error(text)
    }

    /// A copy with some functions replaced.
    fn changed(zelf: &Py<Property>, vm: &mut Vm, get: Option<Value>, set: Option<Value>, del: Option<Value>) -> PyResult {
        let class = zelf.as_value().ty().to_value();
        let doc = if zelf.getter_doc.get() && get.as_ref().is_some_and(|g| !g.is_none()) { None } else { zelf.doc.load(vm) };
        let pick = |vm: &Vm, new: Option<Value>, old: &GilCell<Option<Value>>| {
            new.filter(|v| !v.is_none()).or_else(|| old.load(vm)).unwrap_or_else(Value::none)
        };
        let args = [pick(vm, get, &zelf.fget), pick(vm, set, &zelf.fset), pick(vm, del, &zelf.fdel), doc.unwrap_or_else(Value::none)];
        let made = vm.call(&class, &args)?;
        if let Some(p) = made.downcast::<Property>() {
            let name = zelf.name.load(vm);
            let old = p.name.replace(vm, name);
            drop(old);
        }
        Ok(made)
    }
}

#[pymethods]
impl Property {
    #[new]
    fn new(cls: &Py<crate::types::type_::PyType>, args: crate::Args<'_>, vm: &mut Vm) -> PyResult {
        let _ = args;
        Ok(vm.new_instance(cls, Property::empty())?.into_value())
    }

    #[init(sig = "(fget=None, fset=None, fdel=None, doc=None)")]
    fn init(zelf: &Py<Property>, fget: Option<Value>, fset: Option<Value>, fdel: Option<Value>, doc: Option<Value>, vm: &mut Vm) -> PyResult<()> {
        for (cell, value) in [(&zelf.fget, fget.clone()), (&zelf.fset, fset), (&zelf.fdel, fdel), (&zelf.name, None)] {
            let old = cell.replace(vm, value);
            drop(old);
        }
        zelf.getter_doc.set(false);
        let mut shown = doc;
        if shown.is_none() {
            if let Some(fget) = &fget {
                shown = vm.getattr_opt(fget, n!(__doc__))?.filter(|d| !d.is_none());
                zelf.getter_doc.set(shown.is_some());
            }
        }
        // Instances of subclasses keep it in their own dict, where the class's own `__doc__` does not hide it.
        if !zelf.is_exact() {
            let value = shown.clone().unwrap_or_else(Value::none);
            let set = vm.setattr(zelf.as_value(), n!(__doc__), &value);
            if let Err(e) = set {
                if !zelf.getter_doc.get() && shown.is_none() && vm.is_raised::<crate::types::exceptions::AttributeError>(&e) {
                    return Ok(());
                }
                return Err(e);
            }
            return Ok(());
        }
        let old = zelf.doc.replace(vm, shown);
        drop(old);
        Ok(())
    }

    /// A copy with another getter.
    #[method(sig = "(fget, /)")]
    fn getter(zelf: &Py<Property>, fget: Value, vm: &mut Vm) -> PyResult {
        Property::changed(zelf, vm, Some(fget), None, None)
    }

    /// A copy with another setter.
    #[method(sig = "(fset, /)")]
    fn setter(zelf: &Py<Property>, fset: Value, vm: &mut Vm) -> PyResult {
        Property::changed(zelf, vm, None, Some(fset), None)
    }

    /// A copy with another deleter.
    #[method(sig = "(fdel, /)")]
    fn deleter(zelf: &Py<Property>, fdel: Value, vm: &mut Vm) -> PyResult {
        Property::changed(zelf, vm, None, None, Some(fdel))
    }

    /// Learns the name that the property has in a class.
    #[method(name = "__set_name__", sig = "(owner, name, /)")]
    fn set_name(&self, owner: &Value, name: Value, vm: &mut Vm) -> PyResult<()> {
        let _ = owner;
        let old = self.name.replace(vm, Some(name));
        drop(old);
        Ok(())
    }

    #[getter(name = "__name__")]
    fn name(zelf: &Py<Property>, vm: &mut Vm) -> PyResult {
        match zelf.name_of(vm)? {
            Some(name) => Ok(name),
            None => Err(vm.no_attribute(zelf.as_value(), n!(__name__))),
        }
    }

    #[setter(name = "__name__")]
    fn rename(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let old = self.name.replace(vm, value.cloned());
        drop(old);
        Ok(())
    }

    #[getter]
    fn fget(&self, vm: &mut Vm) -> Option<Value> {
        self.fget.load(vm)
    }

    #[getter]
    fn fset(&self, vm: &mut Vm) -> Option<Value> {
        self.fset.load(vm)
    }

    #[getter]
    fn fdel(&self, vm: &mut Vm) -> Option<Value> {
        self.fdel.load(vm)
    }

    #[getter(name = "__doc__")]
    fn doc(&self, vm: &mut Vm) -> Option<Value> {
        self.doc.load(vm)
    }

    #[setter(name = "__doc__")]
    fn set_doc(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let old = self.doc.replace(vm, value.cloned());
        drop(old);
        Ok(())
    }

    #[getter(name = "__isabstractmethod__")]
    fn is_abstract(&self, vm: &mut Vm) -> PyResult<bool> {
        for function in [self.fget.load(vm), self.fset.load(vm), self.fdel.load(vm)].into_iter().flatten() {
            if let Some(flag) = vm.getattr_opt(&function, n!(__isabstractmethod__))? {
                if vm.is_true(&flag)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
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
        match value {
            Some(value) => match self.fset.load(vm) {
                Some(fset) => vm.call(&fset, &[object.clone(), value.clone()]).map(drop),
                None => Err(self.missing(vm, object, "setter")),
            },
            None => match self.fdel.load(vm) {
                Some(fdel) => vm.call(&fdel, std::slice::from_ref(object)).map(drop),
                None => Err(self.missing(vm, object, "deleter")),
            },
        }
    }
}
