//! IMPORT_NAME, IMPORT_FROM and `import *`.

use crate::eval::raise_builtin;
use crate::types::dict::Dict;
use crate::types::module::{Provenance, is_initializing};
use crate::types::pyfunction::Function;
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Raised, Value, Vm};

/// IMPORT_NAME: through `__import__` of the code's builtins.
pub fn import_name(vm: &mut Vm, func: &Py<Function>, locals: Option<&Value>, name: &Py<Str>, fromlist: Value, level: Value) -> PyResult {
    let builtins = func.builtins.clone();
    let Some(import) = super::names::get_opt(vm, &builtins, n!(__import__))? else {
        return Err(raise_builtin(vm, "ImportError", "__import__ not found"));
    };
    let globals = func.globals.to_value();
    let locals = locals.cloned().unwrap_or_else(Value::none);
    vm.call(&import, &[name.to_value(), globals, locals, fromlist, level])
}

/// IMPORT_FROM: an attribute of the module, or the submodule in `sys.modules`.
pub fn import_from(vm: &mut Vm, module: &Value, name: &Py<Str>) -> PyResult {
    if let Some(value) = vm.getattr_opt(module, name)? {
        return Ok(value);
    }
    let package = vm.getattr_opt(module, n!(__name__))?;
    if let Some(package) = package.as_ref().and_then(|p| p.downcast::<Str>()) {
        let full = format!("{}.{}", package.to_string_lossy(), name.to_string_lossy());
        let full = vm.new_str(&full)?;
        if let Some(modules) = vm.interp.modules.load(vm)
            && let Some(found) = modules.get_str(vm, &full) {
                return Ok(found.clone());
            }
    }
    Err(cannot_import(vm, module, package, name))
}

#[cold]
fn cannot_import(vm: &mut Vm, module: &Value, package: Option<Value>, name: &Py<Str>) -> Raised {
    match cannot_import_error(vm, module, package, name) {
        Ok(e) | Err(e) => e,
    }
}

/// Words and makes the ImportError: files that shadow a module of the library, circular imports, or plain unknown names.
fn cannot_import_error(vm: &mut Vm, module: &Value, package: Option<Value>, name: &Py<Str>) -> PyResult<Raised> {
    let shown = match package.clone().filter(|p| p.is::<Str>()) {
        Some(package) => package,
        None => vm.new_str("<unknown module name>")?.into_value(),
    };
    let spec = vm.getattr_opt(module, n!(__spec__))?.filter(|s| !s.is_none());
    let found = match &spec {
        Some(spec) => Some(Provenance::of(vm, &shown, spec)?),
        None => None,
    };
    let path = match found.as_ref().and_then(|f| f.origin.clone()) {
        Some(origin) => Some(origin),
        None => vm.getattr_opt(module, n!(__file__))?.filter(|f| f.is::<Str>()),
    };
    let (quoted, from) = (vm.repr(name.as_value())?, vm.repr(&shown)?);
    let (quoted, from) = (quoted.to_string_lossy(), from.to_string_lossy());
    let place = match &path {
        Some(p) => vm.str(p)?.to_string_lossy().into_owned(),
        None => "unknown location".to_owned(),
    };
    let initializing = match &spec {
        Some(spec) => is_initializing(vm, spec)?,
        None => false,
    };
    let advice = match &found {
        Some(found) if found.shadows_stdlib || initializing => found.advice(vm, &shown)?,
        _ => None,
    };
    let message = match advice {
        Some(advice) => format!("cannot import name {quoted} from {from} {advice}"),
        None if initializing => {
            format!("cannot import name {quoted} from partially initialized module {from} (most likely due to a circular import) ({place})")
        }
        None => format!("cannot import name {quoted} from {from} ({place})"),
    };
    let raised = raise_builtin(vm, "ImportError", &message);
    let exception = raised.exception().to_value();
    let name_from = vm.intern("name_from");
    // A class without these attributes stands in for ImportError only while it is missing.
    let _ = vm.setattr(&exception, &name_from, name.as_value());
    if let Some(package) = package {
        let _ = vm.setattr(&exception, n!(name), &package);
    }
    if let Some(path) = path {
        let _ = vm.setattr(&exception, n!(path), &path);
    }
    Ok(raised)
}

/// INTRINSIC_IMPORT_STAR: all public names of a module into a namespace.
pub fn import_star(vm: &mut Vm, module: &Value, locals: &Value) -> PyResult<()> {
    let (names, skip_private) = match vm.getattr_opt(module, n!(__all__))? {
        Some(all) => (vm.collect(&all)?, false),
        None => match vm.getattr_opt(module, n!(__dict__))? {
            Some(dict) => {
                let keys = vm.call_method(&dict, n!(keys), &[])?;
                (vm.collect(&keys)?, true)
            }
            None => return Err(raise_builtin(vm, "ImportError", "from-import-* object has no __dict__ and no __all__")),
        },
    };
    for name in names {
        let Some(text) = name.downcast::<Str>() else {
            let module_name = vm.getattr(module, n!(__name__))?;
            let module_name = vm.str(&module_name)?.to_string_lossy().into_owned();
            let got = name.type_name();
            let (kind, place) = if skip_private { ("Key", "__dict__") } else { ("Item", "__all__") };
            return Err(vm.type_error(format!("{kind} in {module_name}.{place} must be str, not {got}")));
        };
        if skip_private && text.chars().next() == Some(u32::from('_')) {
            continue;
        }
        let key = vm.intern_object(text);
        let value = vm.getattr(module, &key)?;
        match locals.downcast_exact::<Dict>() {
            Some(dict) => dict.set(vm, &name, value)?,
            None => vm.setitem(locals, &name, &value)?,
        }
    }
    Ok(())
}
