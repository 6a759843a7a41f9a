//! `module` objects.

use crate::types::dict::Dict;
use crate::types::object;
use crate::types::set::{FrozenSet, Set};
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
            let slots = &descr.type_ref().slots;
            if let (Some(get), true) = (slots.descr_get.get(), slots.descr_set.get().is_some()) {
                return get(vm, descr, Some(zelf.as_value()), Some(ty.as_value())).map(Some);
            }
        }
        if let Some(value) = zelf.dict.get(vm).as_ref().and_then(|d| d.get_str(vm, name)) {
            return Ok(Some(value.clone()));
        }
        let Some(descr) = descr else { return Ok(None) };
        match descr.type_ref().slots.descr_get.get() {
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
        let module = module.clone();
        let spec = dict.get_str(vm, n!(__spec__)).cloned().filter(|s| !s.is_none());
        let message = match spec {
            Some(spec) => explain(vm, &spec, &module, &attr)?,
            None => None,
        };
        let module = module.to_string_lossy();
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

/// What a module's name, spec and place say about why it lacks an attribute.
pub(crate) struct Provenance {
    /// The file that the module comes from, by its spec.
    pub origin: Option<Value>,
    /// The file stands where the program does, and so comes before others of the name.
    pub shadows: bool,
    /// What it comes before is a module of the standard library.
    pub shadows_stdlib: bool,
}

impl Provenance {
    pub fn of(vm: &mut Vm, name: &Value, spec: &Value) -> PyResult<Provenance> {
        let origin = file_origin(vm, spec)?;
        let text = origin.as_ref().and_then(|o| o.downcast::<Str>()).map(|o| o.to_string_lossy().into_owned());
        let shadows = text.is_some_and(|origin| is_beside_program(vm, &origin));
        let shadows_stdlib = shadows && is_stdlib_name(vm, name)?;
        Ok(Provenance { origin, shadows, shadows_stdlib })
    }

    /// The advice to rename the file that the module comes from, where there is any.
    pub fn advice(&self, vm: &mut Vm, name: &Value) -> PyResult<Option<String>> {
        let Some(origin) = self.origin.as_ref().filter(|_| self.shadows) else { return Ok(None) };
        let origin = vm.repr(origin)?.to_string_lossy().into_owned();
        if !self.shadows_stdlib {
            return Ok(Some(format!("(consider renaming {origin} if it has the same name as a library you intended to import)")));
        }
        let name = vm.repr(name)?.to_string_lossy().into_owned();
        Ok(Some(format!(
            "(consider renaming {origin} since it has the same name as the standard library module named {name} and prevents importing that standard \
             library module)"
        )))
    }
}

/// The file that a module comes from, by its spec.
fn file_origin(vm: &mut Vm, spec: &Value) -> PyResult<Option<Value>> {
    if !spec_flag(vm, spec, "has_location")? {
        return Ok(None);
    }
    let name = vm.intern("origin");
    Ok(vm.getattr_opt(spec, &name)?.filter(|o| o.is::<Str>()))
}

/// Whether the module is being imported.
pub(crate) fn is_initializing(vm: &mut Vm, spec: &Value) -> PyResult<bool> {
    spec_flag(vm, spec, "_initializing")
}

/// A better message about a missing attribute of a module that is being imported, or that hides another one.
fn explain(vm: &mut Vm, spec: &Value, module: &Py<Str>, attr: &str) -> PyResult<Option<String>> {
    let found = Provenance::of(vm, module.as_value(), spec)?;
    let name = module.to_string_lossy().into_owned();
    let initializing = !found.shadows_stdlib && is_initializing(vm, spec)?;
    if (found.shadows_stdlib || initializing)
        && let Some(advice) = found.advice(vm, module.as_value())? {
            return Ok(Some(format!("module '{name}' has no attribute '{attr}' {advice}")));
        }
    if initializing {
        let from = match found.origin.as_ref().and_then(|o| o.downcast::<Str>()) {
            Some(origin) => format!(" from '{}'", origin.to_string_lossy()),
            None => String::new(),
        };
        return Ok(Some(format!("partially initialized module '{name}'{from} has no attribute '{attr}' (most likely due to a circular import)")));
    }
    let submodules = vm.intern("_uninitialized_submodules");
    if let Some(submodules) = vm.getattr_opt(spec, &submodules)? {
        let key = vm.new_str(attr)?.into_value();
        if vm.contains(&submodules, &key)? {
            return Ok(Some(format!("cannot access submodule '{attr}' of module '{name}' (most likely due to a circular import)")));
        }
    }
    Ok(None)
}

/// Whether the file stands in the folder of the program, or is a package's that does.
fn is_beside_program(vm: &Vm, origin: &str) -> bool {
    if vm.config().safe_path {
        return false;
    }
    let Some(program) = vm.interp.sys_path_0.load(vm) else { return false };
    let Some((folder, file)) = origin.rsplit_once('/') else { return false };
    let folder = if file == "__init__.py" { folder.rsplit_once('/').map_or("", |(parent, _)| parent) } else { folder };
    if program.is_empty() {
        return std::env::current_dir().is_ok_and(|d| d == std::path::Path::new(folder));
    }
    program.to_string_lossy() == folder
}

fn is_stdlib_name(vm: &mut Vm, module: &Value) -> PyResult<bool> {
    let Some(names) = vm.sys_get("stdlib_module_names").filter(|n| n.is::<FrozenSet>() || n.is::<Set>()) else { return Ok(false) };
    vm.contains(&names, module)
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

    #[getter(member)]
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
        let annotations = match annotate.filter(|a| a.type_ref().slots.call.get().is_some()) {
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
        if !value.is_none() && value.type_ref().slots.call.get().is_none() {
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

