//! Import: starting CPython's own `importlib/_bootstrap.py` and `_bootstrap_external.py`, and the native side they need.
//!
//! The two files are read from the library (their `.pyc` when it is valid), run as `_frozen_importlib` and
//! `_frozen_importlib_external`, and installed; everything after that is the library's own code.

use crate::types::dict::Dict;
use crate::types::str_::Str;
use crate::{Py, PyResult, Value, Vm};
use std::path::Path;

pub mod imp;
pub mod marshal;
mod times;

/// Starts the import system. `sys` and `builtins` exist already.
pub fn bootstrap(vm: &mut Vm) -> PyResult<()> {
    let frozen = run_library_file(vm, "importlib/_bootstrap.py", "_frozen_importlib", "<frozen importlib._bootstrap>")?;
    vm.interp.importlib.replace(vm, Some(frozen.clone()));
    let imp = crate::module::create(vm, &imp::MODULE)?.into_value();
    add_module(vm, "_imp", &imp)?;
    let sys = vm.imported("sys")?;
    let install = vm.getattr_str(&frozen, "_install")?;
    vm.call(&install, &[sys, imp])?;
    run_library_file(vm, "importlib/_bootstrap_external.py", "_frozen_importlib_external", "<frozen importlib._bootstrap_external>")?;
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
        let made = vm.call(&hook, &[entry.clone()]);
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

/// Runs a file of the library as module `name`, which it puts into `sys.modules`. `filename` is what its code objects bear.
fn run_library_file(vm: &mut Vm, file: &str, name: &str, filename: &str) -> PyResult {
    let code = library_code(vm, file, filename)?;
    let dict = vm.new_dict()?;
    let module = crate::types::module::Module { dict: crate::GilCell::new(Some(dict.clone())), def: None };
    let module = vm.new_object(module)?.into_value();
    let py_name = vm.intern(name).into_value();
    dict.set_str(vm, n!(__name__), py_name)?;
    // What FrozenImporter expects of a frozen module.
    let (key, origname) = (vm.intern("__origname__"), vm.new_str(&file.trim_end_matches(".py").replace('/', "."))?);
    dict.set_str(vm, &key, origname.into_value())?;
    let builtins = crate::builtins::frames::builtins(vm);
    dict.set_str(vm, n!(__builtins__), builtins)?;
    // The importer of frozen modules asks each for the name that it was frozen under.
    let origin = vm.intern(&file.trim_end_matches(".py").replace('/', ".")).into_value();
    let key = vm.intern("__origname__");
    dict.set_str(vm, &key, origin)?;
    add_module(vm, name, &module)?;
    let Some(code) = code.downcast::<crate::types::code::CodeObject>().cloned() else {
        return Err(vm.system_error("the import system's code is no code object"));
    };
    vm.run_code(&code, &dict, None)?;
    Ok(module)
}

/// The code of a library file: out of the `.pyc` that an earlier run left beside it, else compiled and left there.
fn library_code(vm: &mut Vm, file: &str, filename: &str) -> PyResult {
    let path = vm.config().stdlib.join(file);
    let source = match std::fs::read(&path) {
        Ok(source) => source,
        Err(e) => {
            let text = format!("the standard library is not at {}: {file}: {e}", vm.config().stdlib.display());
            return Err(vm.runtime_error(text));
        }
    };
    let cache = frozen_cache(&path);
    if let Some(data) = cache.as_deref().and_then(|c| std::fs::read(c).ok()).filter(|d| cache_is_valid(d, &path)) {
        if let Ok(code) = marshal::loads(vm, data.get(16..).unwrap_or_default(), true) {
            return Ok(code);
        }
    }
    let text = crate::compile::decode_source(vm, &source, &filename.into(), true)?;
    let request = crate::compile::CompileRequest { filename: filename.into(), mode: crate::compile::Mode::Exec, flags: 0, optimize: -1, feature_version: -1, from_file: false, encoding: None };
    let code = crate::compile::compile_source(vm, &text, request)?;
    if let (Some(cache), false) = (cache, vm.config().dont_write_bytecode) {
        write_cache(vm, &code, &cache, &path);
    }
    Ok(code)
}

/// `__pycache__/_bootstrap.cpython-314.frozen.pyc`: a name of its own, since its code bears the name `<frozen ...>`.
fn frozen_cache(path: &Path) -> Option<std::path::PathBuf> {
    let stem = path.file_stem()?.to_str()?;
    Some(path.parent()?.join("__pycache__").join(format!("{stem}.cpython-314.frozen.pyc")))
}

/// Whether the header of a `.pyc` matches the source's time and size (PEP 552).
fn cache_is_valid(data: &[u8], source: &Path) -> bool {
    let Ok(meta) = std::fs::metadata(source) else { return false };
    data.get(..16) == Some(&pyc_header(&meta))
}

fn pyc_header(meta: &std::fs::Metadata) -> [u8; 16] {
    let mut header = [0; 16];
    header[..4].copy_from_slice(&krait_bytecode::MAGIC.to_le_bytes()[..2].iter().copied().chain(*b"\r\n").collect::<Vec<_>>());
    let time = std::os::unix::fs::MetadataExt::mtime(meta) as u32;
    header[8..12].copy_from_slice(&time.to_le_bytes());
    header[12..].copy_from_slice(&(meta.len() as u32).to_le_bytes());
    header
}

/// Leaves a `.pyc`, atomically; failing to is nothing to be told of.
fn write_cache(vm: &mut Vm, code: &Value, cache: &Path, source: &Path) {
    let (Ok(body), Ok(meta), Some(folder)) = (marshal::dumps(vm, code, 5, true), std::fs::metadata(source), cache.parent()) else { return };
    let mut data = pyc_header(&meta).to_vec();
    data.extend(body);
    let temporary = cache.with_extension(format!("{}.tmp", std::process::id()));
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&temporary, data)).and_then(|()| std::fs::rename(&temporary, cache));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
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
            self.ensure_initialized(&module, name)?;
            return Ok(module);
        }
        if self.config().import_time > 0 { times::measured(self, name) } else { self.load(name) }
    }

    fn load(&mut self, name: &Py<Str>) -> PyResult {
        let importlib = self.importlib()?;
        let load = self.getattr_str(&importlib, "_find_and_load")?;
        let import = self.import_function()?;
        self.call(&load, &[name.to_value(), import])
    }

    /// `sys.modules` may have been replaced by something that is no dict.
    fn sys_modules_override(&mut self, modules: &Py<Dict>) -> PyResult<Option<Value>> {
        Ok(self.sys_get("modules").filter(|m| !m.is_same(modules.as_value())))
    }

    /// Waits for a module that another thread is importing.
    fn ensure_initialized(&mut self, module: &Value, name: &Py<Str>) -> PyResult<()> {
        let Some(spec) = self.getattr_opt(module, n!(__spec__))?.filter(|s| !s.is_none()) else { return Ok(()) };
        let initializing = match self.getattr_opt(&spec, n!(_initializing))? {
            Some(flag) => self.is_true(&flag)?,
            None => false,
        };
        if initializing {
            let importlib = self.importlib()?;
            let wait = self.getattr_str(&importlib, "_lock_unlock_module")?;
            self.call(&wait, &[name.to_value()])?;
        }
        Ok(())
    }

    /// `resolve_name` of `import.c`: the absolute name of a relative import.
    fn resolve_relative(&mut self, name: &Py<Str>, globals: Option<&Value>, level: i32) -> PyResult<Py<Str>> {
        use crate::types::exceptions::ImportError;
        let Some(globals) = globals.filter(|g| !g.is_none()) else {
            return Err(self.raise::<crate::types::exceptions::KeyError>("'__name__' not in globals"));
        };
        let Some(globals) = globals.downcast::<Dict>() else { return Err(self.type_error("globals must be a dict")) };
        let get = |vm: &Vm, key: &Py<Str>| globals.get_str(vm, key).cloned().filter(|v| !v.is_none());
        let package = match get(self, n!(__package__)) {
            Some(p) => p,
            None => match get(self, n!(__spec__)) {
                Some(spec) => self.getattr_str(&spec, "parent")?,
                None => {
                    let Some(module) = get(self, n!(__name__)) else {
                        return Err(self.raise::<crate::types::exceptions::KeyError>("'__name__' not in globals"));
                    };
                    if globals.get_str(self, n!(__path__)).is_some() {
                        module
                    } else {
                        let text = module.downcast::<Str>().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
                        let parent = text.rsplit_once('.').map_or("", |(p, _)| p).to_owned();
                        self.new_str(&parent)?.into_value()
                    }
                }
            },
        };
        let Some(package) = package.downcast::<Str>() else { return Err(self.type_error("package must be a string")) };
        if package.is_empty() {
            return Err(self.raise::<ImportError>("attempted relative import with no known parent package"));
        }
        let mut base = package.to_string_lossy().into_owned();
        for _ in 1..level {
            match base.rfind('.') {
                Some(dot) => base.truncate(dot),
                None => return Err(self.raise::<ImportError>("attempted relative import beyond top-level package")),
            }
        }
        if !name.is_empty() {
            base.push('.');
            base.push_str(&name.to_string_lossy());
        }
        Ok(self.intern(&base))
    }

    /// The attribute that `from module import name` takes: falls back on `sys.modules`, with CPython's errors.
    pub fn import_from(&mut self, module: &Value, name: &Py<Str>) -> PyResult {
        if let Some(value) = self.getattr_opt(module, name)? {
            return Ok(value);
        }
        let module_name = self.getattr_opt(module, n!(__name__))?;
        if let Some(package) = module_name.as_ref().and_then(|n| n.downcast::<Str>()) {
            let full = format!("{}.{}", package.to_string_lossy(), name.to_string_lossy());
            let full = self.intern(&full);
            let modules = self.interp.modules.load(self);
            if let Some(found) = modules.and_then(|m| m.get_str(self, &full).cloned()) {
                return Ok(found);
            }
        }
        imp::cannot_import_name(self, module, module_name, name)
    }
}
