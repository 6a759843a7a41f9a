//! Import: starting CPython's own `importlib/_bootstrap.py` and `_bootstrap_external.py`, and the native side they need.
//!
//! The two files are frozen modules (see [`frozen`]); once they are installed, everything is the library's own code.

use crate::types::dict::Dict;
use crate::types::str_::Str;
use crate::{Py, PyResult, Value, Vm};
use krait_unicode::TextBuf;

mod frozen;
pub mod imp;
pub mod marshal;
mod times;
mod trim;

/// Starts the import system. `sys` and `builtins` exist already.
pub fn bootstrap(vm: &mut Vm) -> PyResult<()> {
    let name = vm.intern("_frozen_importlib");
    let frozen = match frozen::find(vm, &name) {
        Ok(frozen) => frozen::import(vm, frozen)?,
        Err(missing) => return Err(frozen::error(vm, &name, missing)),
    };
    vm.interp.importlib.replace(vm, Some(frozen.clone()));
    let imp = crate::module::create(vm, &imp::MODULE)?.into_value();
    add_module(vm, "_imp", &imp)?;
    let sys = vm.imported("sys")?;
    let install = vm.getattr_str(&frozen, "_install")?;
    vm.call(&install, &[sys, imp])?;
    let install = vm.getattr_str(&frozen, "_install_external_importers")?;
    vm.call(&install, &[])?;
    vm.interp.import_func_ready.set(true);
    Ok(())
}

/// Lets archives be on `sys.path`.
pub fn install_zipimport(vm: &mut Vm) -> PyResult<()> {
    let zipimport = vm.import_module("zipimport")?;
    let importer = vm.getattr_str(&zipimport, "zipimporter")?;
    let Some(hooks) = vm.sys_get("path_hooks") else { return Ok(()) };
    let insert = vm.intern("insert");
    vm.call_method(&hooks, &insert, &[Value::from_i32(0), importer])?;
    // Archives on the path have been passed over while the importer itself was found.
    if let Some(cache) = vm.sys_get("path_importer_cache") {
        let clear = vm.intern("clear");
        vm.call_method(&cache, &clear, &[])?;
    }
    Ok(())
}

/// The importer of an entry of `sys.path`; none if no hook wants it (`PyImport_GetImporter`).
pub fn get_importer(vm: &mut Vm, entry: &Value) -> PyResult<Option<Value>> {
    let (Some(cache), Some(hooks)) = (vm.sys_get("path_importer_cache"), vm.sys_get("path_hooks")) else { return Ok(None) };
    if vm.contains(&cache, entry)? {
        return vm.getitem(&cache, entry).map(|found| Some(found).filter(|i| !i.is_none()));
    }
    vm.setitem(&cache, entry, &Value::none())?;
    for hook in vm.collect(&hooks)? {
        let made = vm.call(&hook, std::slice::from_ref(entry));
        if let Some(importer) = crate::types::exceptions::catch::<crate::types::exceptions::ImportError, _>(vm, made)? {
            vm.setitem(&cache, entry, &importer)?;
            return Ok(Some(importer));
        }
    }
    Ok(None)
}

/// Puts a module into `sys.modules`.
pub fn add_module(vm: &mut Vm, name: &str, module: &Value) -> PyResult<()> {
    let name = vm.intern(name);
    match vm.interp.modules.load(vm) {
        Some(modules) => modules.set_str(vm, &name, module.clone()),
        None => Err(vm.runtime_error("unable to get sys.modules")),
    }
}

impl Vm {
    fn importlib(&mut self) -> PyResult {
        match self.interp.importlib.load(self) {
            Some(importlib) => Ok(importlib),
            None => Err(self.runtime_error("the import system does not stand yet")),
        }
    }

    /// A module that is in `sys.modules`; ModuleNotFoundError otherwise.
    pub fn imported(&mut self, name: &str) -> PyResult {
        let key = self.intern(name);
        let modules = self.interp.modules.load(self);
        match modules.and_then(|m| m.get_str(self, &key).cloned()) {
            Some(module) => Ok(module),
            None => Err(self.raise::<crate::types::exceptions::ModuleNotFoundError>(&format!("No module named '{name}'"))),
        }
    }

    /// `importlib.import_module(name)` for a Rust name.
    pub fn import_module(&mut self, name: &str) -> PyResult {
        let fromlist = self.intern("*").into_value();
        let fromlist = self.new_tuple(vec![fromlist])?.into_value();
        let name = self.intern(name);
        self.import_module_level(&name, None, &fromlist, 0)
    }

    /// What `builtins.__import__` does (`PyImport_ImportModuleLevelObject`).
    pub fn import_module_level(&mut self, name: &Py<Str>, globals: Option<&Value>, fromlist: &Value, level: i32) -> PyResult {
        self.import_untrimmed(name, globals, fromlist, level).inspect_err(|raised| trim::remove_importlib_frames(self, raised))
    }

    fn import_untrimmed(&mut self, name: &Py<Str>, globals: Option<&Value>, fromlist: &Value, level: i32) -> PyResult {
        if level < 0 {
            return Err(self.value_error("level must be >= 0"));
        }
        let absolute = if level > 0 { self.resolve_relative(name, globals, level)? } else { name.clone() };
        if level == 0 && name.is_empty() {
            return Err(self.value_error("Empty module name"));
        }
        let module = self.find_or_load(&absolute)?;
        let has_from = !fromlist.is_none() && self.is_true(fromlist)?;
        if has_from {
            if self.getattr_opt(&module, n!(__path__))?.is_none() {
                return Ok(module);
            }
            let importlib = self.importlib()?;
            let handle = self.getattr_str(&importlib, "_handle_fromlist")?;
            let import = self.import_function()?;
            return self.call(&handle, &[module, fromlist.clone(), import]);
        }
        let text = name.to_text();
        let Some(dot) = text.as_bytes().iter().position(|&b| b == b'.') else {
            return Ok(module);
        };
        if level == 0 {
            let front = self.substring(name, 0, dot)?;
            return self.find_or_load(&front);
        }
        // `import .a.b` style calls: the part of the absolute name that `name`'s first component stands for.
        let cut = name.len() - dot;
        let keep = absolute.len().saturating_sub(cut);
        let front = self.substring(&absolute, 0, keep)?;
        let modules = self.interp.modules.load(self);
        match modules.and_then(|m| m.get_str(self, &front).cloned()) {
            Some(module) => Ok(module),
            None => {
                let shown = front.to_string_lossy().into_owned();
                Err(self.raise::<crate::types::exceptions::KeyError>(&format!("'{shown}' not in sys.modules as expected")))
            }
        }
    }

    fn substring(&mut self, s: &Py<Str>, from: usize, to: usize) -> PyResult<Py<Str>> {
        let chars: Vec<u32> = s.chars().skip(from).take(to - from).collect();
        let made = self.new_str_ucs4(&chars)?;
        Ok(self.intern_object(&made))
    }

    fn import_function(&mut self) -> PyResult {
        let builtins = self.interp.builtins.load(self);
        match builtins.and_then(|b| b.get_str(self, n!(__import__)).cloned()) {
            Some(f) => Ok(f),
            None => Err(self.raise::<crate::types::exceptions::ImportError>("__import__ not found")),
        }
    }

    /// The module under its absolute name, imported if it is not there.
    fn find_or_load(&mut self, name: &Py<Str>) -> PyResult {
        let modules = self.interp.modules.load(self);
        let Some(modules) = modules else { return Err(self.runtime_error("unable to get sys.modules")) };
        let found = match self.sys_modules_override(&modules)? {
            Some(other) => {
                let result = self.getitem(&other, name.as_value());
                crate::types::exceptions::catch::<crate::types::exceptions::KeyError, _>(self, result)?
            }
            None => modules.get_str(self, name).cloned(),
        };
        if let Some(module) = found.filter(|m| !m.is_none()) {
            if self.config().import_time > 1 {
                times::cached(self, name);
            }
            // An import that failed in another thread has taken the module out again.
            if !self.wait_for_import(&module, name)? || modules.get_str(self, name).is_some_and(|m| m.is_same(&module)) {
                return Ok(module);
            }
        }
        if self.config().import_time > 0 { times::measured(self, name) } else { self.load(name) }
    }

    fn load(&mut self, name: &Py<Str>) -> PyResult {
        let importlib = self.importlib()?;
        self.audit_with("import", |vm| {
            let mut args = vec![name.to_value(), Value::none()];
            for name in ["path", "meta_path", "path_hooks"] {
                args.push(vm.sys_get(name).unwrap_or_else(Value::none));
            }
            Ok(args)
        })?;
        let load = self.getattr_str(&importlib, "_find_and_load")?;
        let import = self.import_function()?;
        self.call(&load, &[name.to_value(), import])
    }

    /// `sys.modules` may have been replaced by something that is no dict.
    fn sys_modules_override(&mut self, modules: &Py<Dict>) -> PyResult<Option<Value>> {
        Ok(self.sys_get("modules").filter(|m| !m.is_same(modules.as_value())))
    }

    /// Waits for a module that another thread is importing; whether there was need to.
    fn wait_for_import(&mut self, module: &Value, name: &Py<Str>) -> PyResult<bool> {
        let Some(spec) = self.getattr_opt(module, n!(__spec__))?.filter(|s| !s.is_none()) else { return Ok(false) };
        let initializing = match self.getattr_opt(&spec, n!(_initializing))? {
            Some(flag) => self.is_true(&flag)?,
            None => false,
        };
        if initializing {
            let importlib = self.importlib()?;
            let wait = self.getattr_str(&importlib, "_lock_unlock_module")?;
            self.call(&wait, &[name.to_value()])?;
        }
        Ok(initializing)
    }

    /// `resolve_name` of `import.c`: the absolute name of a relative import.
    fn resolve_relative(&mut self, name: &Py<Str>, globals: Option<&Value>, level: i32) -> PyResult<Py<Str>> {
        use crate::types::exceptions::ImportError;
        let Some(globals) = globals.filter(|g| !g.is_none()) else {
            return Err(self.raise::<crate::types::exceptions::KeyError>("'__name__' not in globals"));
        };
        let Some(globals) = globals.downcast::<Dict>().cloned() else { return Err(self.type_error("globals must be a dict")) };
        let package = self.current_package(&globals)?;
        if package.is_empty() {
            return Err(self.raise::<ImportError>("attempted relative import with no known parent package"));
        }
        let mut base = package.to_text();
        for _ in 1..level {
            let Some(dot) = base.as_bytes().iter().rposition(|&b| b == b'.') else {
                return Err(self.raise::<ImportError>("attempted relative import beyond top-level package"));
            };
            base = TextBuf::from_bytes(base.as_bytes().get(..dot).unwrap_or_default()).unwrap_or_default();
        }
        if !name.is_empty() {
            base.push_str(".");
            base.push_text(&name.to_text());
        }
        let made = self.new_str_text(&base)?;
        Ok(self.intern_object(&made))
    }

    /// The package that relative imports of a module start from: by `__package__`, its spec, or its name.
    fn current_package(&mut self, globals: &Py<Dict>) -> PyResult<Py<Str>> {
        use crate::PyClass;
        use crate::types::exceptions::{DeprecationWarning, ImportWarning, KeyError};
        let get = |vm: &Vm, key: &Py<Str>| globals.get_str(vm, key).cloned().filter(|v| !v.is_none());
        let spec = get(self, n!(__spec__));
        if let Some(package) = get(self, n!(__package__)) {
            let Some(text) = package.downcast::<Str>() else { return Err(self.type_error("package must be a string")) };
            if let Some(spec) = spec {
                let parent = self.getattr_str(&spec, "parent")?;
                if !self.eq(&package, &parent)? {
                    let category = DeprecationWarning::static_type().ready(self)?.to_value();
                    crate::warnings::warn(self, &category, "__package__ != __spec__.parent", 1)?;
                }
            }
            return Ok(text.clone());
        }
        if let Some(spec) = spec {
            let parent = self.getattr_str(&spec, "parent")?;
            return match parent.downcast::<Str>() {
                Some(parent) => Ok(parent.clone()),
                None => Err(self.type_error("__spec__.parent must be a string")),
            };
        }
        let category = ImportWarning::static_type().ready(self)?.to_value();
        let text = "can't resolve package from __spec__ or __package__, falling back on __name__ and __path__";
        crate::warnings::warn(self, &category, text, 1)?;
        let Some(module) = get(self, n!(__name__)) else { return Err(self.raise::<KeyError>("'__name__' not in globals")) };
        let Some(module) = module.downcast::<Str>() else { return Err(self.type_error("__name__ must be a string")) };
        if globals.get_str(self, n!(__path__)).is_some() {
            return Ok(module.clone());
        }
        let text = module.to_text();
        let parent = text.as_bytes().iter().rposition(|&b| b == b'.').unwrap_or(0);
        let front = TextBuf::from_bytes(text.as_bytes().get(..parent).unwrap_or_default()).unwrap_or_default();
        self.new_str_text(&front)
    }
}
