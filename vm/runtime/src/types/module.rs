//! `module` objects.

use crate::types::dict::Dict;
use crate::types::list::List;
use crate::types::object;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyResult, Raised, Value, Vm, pyclass, pymethods};

/// A module: a namespace with a name.  Programs rarely make one; import does.
#[pyclass(name = "module", flags(BASETYPE, NO_DICT), managed, text_signature = "(name, doc=None)")]
#[repr(C)]
pub struct Module {
    pub dict: GilCell<Option<Py<Dict>>>,
    /// The definition, for native modules.
    #[traverse(skip)]
    pub def: Option<&'static crate::module::ModuleDef>,
}

impl Module {
    /// The namespace.
    pub fn namespace(&self, vm: &mut Vm) -> PyResult<Py<Dict>> {
        if let Some(dict) = self.dict.load(vm) {
            return Ok(dict);
        }
        let dict = vm.new_dict()?;
        let old = self.dict.replace(vm, Some(dict.clone()));
        drop(old);
        Ok(dict)
    }

    /// `getattr(module, name)` by the namespace, `__getattr__` of PEP 562, or none.
    fn find(zelf: &Py<Module>, name: &Py<Str>, vm: &mut Vm) -> PyResult<Option<Value>> {
        let ty = zelf.as_value().ty().clone();
        let descr = ty.lookup(vm, name);
        if let Some(descr) = &descr {
            let slots = &descr.ty().slots;
            if let (Some(get), true) = (slots.descr_get.get(), slots.descr_set.get().is_some()) {
                return get(vm, descr, Some(zelf.as_value()), Some(ty.as_value())).map(Some);
            }
        }
        if let Some(value) = zelf.dict.get(vm).as_ref().and_then(|d| d.get_str(vm, name)) {
            return Ok(Some(value.clone()));
        }
        let Some(descr) = descr else { return Ok(None) };
        match descr.ty().slots.descr_get.get() {
            Some(get) => get(vm, &descr, Some(zelf.as_value()), Some(ty.as_value())).map(Some),
            None => Ok(Some(descr)),
        }
    }

    #[cold]
    fn missing(zelf: &Py<Module>, name: &Py<Str>, vm: &mut Vm) -> PyResult<Raised> {
        let dict = zelf.namespace(vm)?;
        let attr = name.to_string_lossy().into_owned();
        let module = dict.get_str(vm, n!(__name__)).cloned();
        let Some(module) = module.as_ref().and_then(|m| m.downcast::<Str>()) else {
            return Ok(vm.attribute_error_for(&format!("module has no attribute '{attr}'"), zelf.as_value(), name));
        };
        let module = module.to_string_lossy().into_owned();
        let spec = dict.get_str(vm, n!(__spec__)).cloned().filter(|s| !s.is_none());
        let message = match spec {
            Some(spec) => explain(vm, &spec, &module, &attr)?,
            None => None,
        };
        let message = message.unwrap_or_else(|| format!("module '{module}' has no attribute '{attr}'"));
        Ok(vm.attribute_error_for(&message, zelf.as_value(), name))
    }
}

/// Whether an attribute of the module's spec is there and true.
fn spec_flag(vm: &mut Vm, spec: &Value, name: &str) -> PyResult<bool> {
    let name = vm.intern(name);
    match vm.getattr_opt(spec, &name)? {
        Some(value) => vm.is_true(&value),
        None => Ok(false),
    }
}

/// The file that the module comes from.
fn origin(vm: &mut Vm, spec: &Value) -> PyResult<Option<String>> {
    if !spec_flag(vm, spec, "has_location")? {
        return Ok(None);
    }
    let name = vm.intern("origin");
    let origin = vm.getattr_opt(spec, &name)?;
    Ok(origin.and_then(|o| o.downcast::<Str>().map(|s| s.to_string_lossy().into_owned())))
}

/// A better message about a missing attribute of a module that is being imported, or that hides another one.
fn explain(vm: &mut Vm, spec: &Value, module: &str, attr: &str) -> PyResult<Option<String>> {
    let origin = origin(vm, spec)?;
    let shadowing = match &origin {
        Some(origin) => is_first_on_path(vm, origin)?,
        None => false,
    };
    if shadowing && is_stdlib_name(vm, module)? {
        let origin = origin.unwrap_or_default();
        return Ok(Some(format!(
            "module '{module}' has no attribute '{attr}' (consider renaming '{origin}' since it has the same name as the standard library module named '{module}' and prevents importing that standard library module)"
        )));
    }
    if spec_flag(vm, spec, "_initializing")? {
        return Ok(Some(match origin {
            Some(origin) if shadowing => format!(
                "module '{module}' has no attribute '{attr}' (consider renaming '{origin}' if it has the same name as a library you intended to import)"
            ),
            Some(origin) => {
                format!("partially initialized module '{module}' from '{origin}' has no attribute '{attr}' (most likely due to a circular import)")
            }
            None => format!("partially initialized module '{module}' has no attribute '{attr}' (most likely due to a circular import)"),
        }));
    }
    let name = vm.intern("_uninitialized_submodules");
    if let Some(submodules) = vm.getattr_opt(spec, &name)? {
        let key = vm.new_str(attr)?.into_value();
        if vm.contains(&submodules, &key)? {
            return Ok(Some(format!("cannot access submodule '{attr}' of module '{module}' (most likely due to a circular import)")));
        }
    }
    Ok(None)
}

/// Whether the file stands in the directory that comes first on `sys.path`.
fn is_first_on_path(vm: &mut Vm, origin: &str) -> PyResult<bool> {
    let Some(sys) = vm.interp.sys_dict.load(vm) else { return Ok(false) };
    let key = vm.intern("flags");
    let flags = sys.get_str(vm, &key).cloned();
    if let Some(flags) = flags {
        let safe = vm.intern("safe_path");
        if let Some(safe) = vm.getattr_opt(&flags, &safe)? {
            if vm.is_true(&safe)? {
                return Ok(false);
            }
        }
    }
    let key = vm.intern("path");
    let path = sys.get_str(vm, &key).cloned();
    let first = path.as_ref().and_then(|p| p.downcast::<List>()).and_then(|l| l.items(vm).first().cloned());
    let Some(first) = first.as_ref().and_then(|f| f.downcast::<Str>()).map(|s| s.to_string_lossy().into_owned()) else { return Ok(false) };
    let root = match origin.strip_suffix("/__init__.py") {
        Some(package) => package,
        None => origin,
    };
    let dir = root.rsplit_once('/').map_or("", |(d, _)| d);
    let first = if first.is_empty() { std::env::current_dir().map(|d| d.to_string_lossy().into_owned()).unwrap_or_default() } else { first };
    Ok(dir == first)
}

fn is_stdlib_name(vm: &mut Vm, module: &str) -> PyResult<bool> {
    let Some(sys) = vm.interp.sys_dict.load(vm) else { return Ok(false) };
    let key = vm.intern("stdlib_module_names");
    let Some(names) = sys.get_str(vm, &key).cloned() else { return Ok(false) };
    let module = vm.new_str(module)?.into_value();
    vm.contains(&names, &module)
}

#[pymethods]
impl Module {
    #[new]
    fn py_new(cls: &Py<PyType>, _args: crate::Args<'_>, vm: &mut Vm) -> PyResult<Py<Module>> {
        let dict = vm.new_dict()?;
        vm.new_instance(cls, Module { dict: GilCell::new(Some(dict)), def: None })
    }

    #[init(sig = "(name, doc=None)")]
    fn py_init(zelf: &Py<Module>, name: &Py<Str>, doc: Value, vm: &mut Vm) -> PyResult<()> {
        let dict = zelf.namespace(vm)?;
        dict.set_str(vm, n!(__name__), name.to_value())?;
        dict.set_str(vm, n!(__doc__), doc)?;
        for key in [n!(__package__), n!(__loader__), n!(__spec__)] {
            dict.set_str(vm, key, Value::none())?;
        }
        Ok(())
    }

    #[slot(getattro)]
    fn slot_getattro(zelf: &Py<Module>, name: &Py<Str>, vm: &mut Vm) -> PyResult {
        match Module::find(zelf, name, vm) {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => {}
            Err(e) if vm.is_raised::<crate::types::exceptions::AttributeError>(&e) => {
                let hook = zelf.dict.get(vm).as_ref().and_then(|d| d.get_str(vm, n!(__getattr__)).cloned());
                return match hook {
                    Some(hook) => vm.call(&hook, &[name.to_value()]),
                    None => Err(e),
                };
            }
            Err(e) => return Err(e),
        }
        let hook = zelf.dict.get(vm).as_ref().and_then(|d| d.get_str(vm, n!(__getattr__)).cloned());
        if let Some(hook) = hook {
            return vm.call(&hook, &[name.to_value()]);
        }
        let raised = Module::missing(zelf, name, vm)?;
        Err(raised)
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Module>, vm: &mut Vm) -> PyResult {
        let bootstrap = object::import(vm, "_frozen_importlib")?;
        let function = vm.getattr_str(&bootstrap, "_module_repr")?;
        vm.call(&function, &[zelf.to_value()])
    }

    #[getter]
    fn __dict__(&self, vm: &mut Vm) -> PyResult<Py<Dict>> {
        self.namespace(vm)
    }

    #[setter]
    fn set___dict__(&self, _value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        Err(vm.attribute_error("readonly attribute"))
    }

    #[getter]
    fn __annotations__(zelf: &Py<Module>, vm: &mut Vm) -> PyResult {
        let dict = zelf.namespace(vm)?;
        if let Some(annotations) = dict.get_str(vm, n!(__annotations__)) {
            return Ok(annotations.clone());
        }
        let annotate = dict.get_str(vm, n!(__annotate__)).cloned();
        let annotations = match annotate.filter(|a| a.ty().slots.call.get().is_some()) {
            Some(annotate) => {
                let result = vm.call(&annotate, &[Value::from_i32(1)])?;
                if !result.is::<Dict>() {
                    let got = result.type_name();
                    return Err(vm.type_error(format!("__annotate__ returned non-dict of type '{got}'")));
                }
                result
            }
            None => vm.new_dict()?.into_value(),
        };
        // While the module is being imported its annotations are not complete.
        let spec = dict.get_str(vm, n!(__spec__)).cloned().filter(|s| !s.is_none());
        let initializing = match spec {
            Some(spec) => spec_flag(vm, &spec, "_initializing")?,
            None => false,
        };
        if !initializing {
            dict.set_str(vm, n!(__annotations__), annotations.clone())?;
        }
        Ok(annotations)
    }

    #[setter]
    fn set___annotations__(zelf: &Py<Module>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let dict = zelf.namespace(vm)?;
        match value {
            Some(value) => dict.set_str(vm, n!(__annotations__), value.clone())?,
            None => match dict.remove_str(vm, n!(__annotations__)) {
                Some(old) => drop(old),
                None => return Err(vm.attribute_error("__annotations__")),
            },
        }
        let old = dict.remove_str(vm, n!(__annotate__));
        drop(old);
        Ok(())
    }

    #[getter]
    fn __annotate__(zelf: &Py<Module>, vm: &mut Vm) -> PyResult {
        let dict = zelf.namespace(vm)?;
        if let Some(annotate) = dict.get_str(vm, n!(__annotate__)) {
            return Ok(annotate.clone());
        }
        dict.set_str(vm, n!(__annotate__), Value::none())?;
        Ok(Value::none())
    }

    #[setter]
    fn set___annotate__(zelf: &Py<Module>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let Some(value) = value else { return Err(vm.type_error("cannot delete __annotate__ attribute")) };
        if !value.is_none() && value.ty().slots.call.get().is_none() {
            return Err(vm.type_error("__annotate__ must be callable or None"));
        }
        let dict = zelf.namespace(vm)?;
        dict.set_str(vm, n!(__annotate__), value.clone())?;
        if !value.is_none() {
            let old = dict.remove_str(vm, n!(__annotations__));
            drop(old);
        }
        Ok(())
    }

    /// The names in the module, for dir().
    #[method]
    fn __dir__(zelf: &Py<Module>, vm: &mut Vm) -> PyResult {
        let dict = vm.getattr(zelf.as_value(), n!(__dict__))?;
        let Some(dict) = dict.downcast::<Dict>() else { return Err(vm.type_error("<module>.__dict__ is not a dictionary")) };
        if let Some(hook) = dict.get_str(vm, n!(__dir__)).cloned() {
            return vm.call(&hook, &[]);
        }
        let keys = dict.iter(vm).map(|(k, _)| k.clone()).collect();
        vm.new_list(keys).map(Py::into_value)
    }
}

