//! The `_imp` module: native modules, import locks' counters, `.pyc` hashes.

use super::frozen::{self, Frozen};
use crate::types::dict::Dict;
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pyfunction};

/// Whether the import lock is held. The import system itself uses locks for each module.
#[pyfunction]
fn lock_held(vm: &mut Vm) -> bool {
    vm.interp.import_lock_depth.get() > 0
}

/// Take the import lock.
#[pyfunction]
fn acquire_lock(vm: &mut Vm) {
    let depth = &vm.interp.import_lock_depth;
    depth.set(depth.get() + 1);
}

/// Give the import lock back.
#[pyfunction]
fn release_lock(vm: &mut Vm) -> PyResult<()> {
    let depth = &vm.interp.import_lock_depth;
    match depth.get().checked_sub(1) {
        Some(n) => {
            depth.set(n);
            Ok(())
        }
        None => Err(vm.runtime_error("not holding the import lock")),
    }
}

/// The file name suffixes of extension modules: none can be loaded.
#[pyfunction]
fn extension_suffixes(vm: &mut Vm) -> PyResult {
    Ok(vm.new_list(Vec::new())?.into_value())
}

/// 1 if there is a native module of this name, else 0.
#[pyfunction(sig = "(name, /)")]
fn is_builtin(name: &Py<Str>, vm: &mut Vm) -> i32 {
    i32::from(find(vm, name).is_some())
}

fn find(vm: &Vm, name: &Py<Str>) -> Option<&'static crate::module::ModuleDef> {
    vm.interp.native_modules.get(vm).iter().copied().find(|m| name.eq_str(m.name))
}

/// Whether there is a frozen module of this name, and such are used.
#[pyfunction(sig = "(name, /)")]
fn is_frozen(name: &Py<Str>, vm: &mut Vm) -> bool {
    frozen::find(vm, name).is_ok()
}

fn frozen_module(vm: &mut Vm, name: &Py<Str>) -> PyResult<&'static Frozen> {
    frozen::find(vm, name).map_err(|missing| frozen::error(vm, name, missing))
}

/// Whether the frozen module is a package.
#[pyfunction(sig = "(name, /)")]
fn is_frozen_package(name: &Py<Str>, vm: &mut Vm) -> PyResult<bool> {
    Ok(frozen_module(vm, name)?.is_package)
}

/// What is known of a frozen module: its marshalled code (if asked for), whether it is a package, and the name it was frozen under; None
/// if there is no such module.
#[pyfunction(sig = "(name, /, *, withdata=False)")]
fn find_frozen(name: &Py<Str>, withdata: bool, vm: &mut Vm) -> PyResult {
    let Ok(frozen) = frozen::find(vm, name) else { return Ok(Value::none()) };
    let data = if withdata {
        let code = frozen.code(vm)?;
        let data = super::marshal::dumps(vm, &code, 5, true)?;
        let data = vm.new_bytes(&data)?.into_value();
        vm.new_memoryview(&data, crate::protocol::buffer::flags::FULL_RO)?.into_value()
    } else {
        Value::none()
    };
    let origname = match frozen.origname {
        Some(name) => vm.new_str(name)?.into_value(),
        None => Value::none(),
    };
    Ok(vm.new_tuple([data, Value::from_bool(frozen.is_package), origname])?.into_value())
}

/// The code of a frozen module, or of the data given.
#[pyfunction(sig = "(name, data=None, /)")]
fn get_frozen_object(name: &Py<Str>, data: Value, vm: &mut Vm) -> PyResult {
    if data.is_none() {
        return frozen_module(vm, name)?.code(vm);
    }
    let bytes = vm.bytes_of(&data)?;
    let result = if bytes.is_empty() { None } else { super::marshal::loads(vm, &bytes, true).ok() };
    let shown = vm.repr(name.as_value())?.to_string_lossy().into_owned();
    match result {
        None => Err(frozen::named_error(vm, name, &format!("Frozen object named {shown} is invalid"))),
        Some(code) if code.is::<crate::types::code::CodeObject>() => Ok(code),
        Some(_) => Err(vm.type_error(format!("frozen object {shown} is not a code object"))),
    }
}

/// Import a frozen module; None if there is no such.
#[pyfunction(sig = "(name, /)")]
fn init_frozen(name: &Py<Str>, vm: &mut Vm) -> PyResult {
    match frozen::find(vm, name) {
        Ok(frozen) => frozen::import(vm, frozen),
        Err(_) => Ok(Value::none()),
    }
}

/// The names of frozen modules.
#[pyfunction]
fn _frozen_module_names(vm: &mut Vm) -> PyResult {
    let names = frozen::names().map(|n| Ok(vm.new_str(n)?.into_value())).collect::<PyResult<Vec<_>>>()?;
    Ok(vm.new_list(names)?.into_value())
}

/// Say whether frozen modules are used: 1 yes, -1 no, 0 as the command line says. For tests.
#[pyfunction(sig = "(override, /)")]
fn _override_frozen_modules_for_tests(r#override: i32, vm: &mut Vm) {
    vm.interp.frozen_override.set(r#override);
}

/// Say whether multi-phase initialisation is asked for; for tests.
#[pyfunction(sig = "(override, /)")]
fn _override_multi_interp_extensions_check(r#override: i32) -> i32 {
    let _ = r#override;
    0
}

/// Make a native module for a spec.
#[pyfunction(sig = "(spec, /)")]
fn create_builtin(spec: &Value, vm: &mut Vm) -> PyResult {
    let name = vm.getattr(spec, n!(name))?;
    let Some(name) = name.downcast::<Str>() else {
        let got = name.type_name();
        return Err(vm.type_error(format!("name must be string, not {got}")));
    };
    let key = vm.intern_object(name);
    if let Some(module) = made(vm, &key)? {
        return Ok(module);
    }
    let Some(def) = find(vm, &key) else { return Ok(Value::none()) };
    let module = crate::module::create(vm, def)?.into_value();
    if def.single {
        let made = made_modules(vm)?;
        made.set_str(vm, &key, module.clone())?;
    }
    Ok(module)
}

/// A module that there can be only one of, if it has been made.
fn made(vm: &mut Vm, name: &Py<Str>) -> PyResult<Option<Value>> {
    let made = made_modules(vm)?;
    Ok(made.get_str(vm, name).cloned())
}

fn made_modules(vm: &mut Vm) -> PyResult<Py<Dict>> {
    if let Some(made) = vm.interp.made_modules.load(vm) {
        return Ok(made);
    }
    let made = vm.new_dict()?;
    vm.interp.made_modules.replace(vm, Some(made.clone()));
    Ok(made)
}

/// Run a native module: it was when it was made.
#[pyfunction(sig = "(mod, /)")]
fn exec_builtin(r#mod: &Value) -> i32 {
    let _ = r#mod;
    0
}

/// Make an extension module out of a shared library, which is not supported.
#[pyfunction(sig = "(spec, file=?, /)")]
fn create_dynamic(spec: &Value, file: Option<Value>, vm: &mut Vm) -> PyResult {
    let _ = (spec, file);
    Err(vm.raise::<crate::types::exceptions::ImportError>("extension modules made for CPython cannot be loaded"))
}

/// Run an extension module.
#[pyfunction(sig = "(mod, /)")]
fn exec_dynamic(r#mod: &Value) -> i32 {
    let _ = r#mod;
    0
}

/// Replace the file name of a code object, and of those in its constants, where it is another.
#[pyfunction(sig = "(code, path, /)")]
fn _fix_co_filename(code: &Py<crate::types::code::CodeObject>, path: &Py<Str>, vm: &mut Vm) -> PyResult<()> {
    fix_filename(vm, code, path)
}

fn fix_filename(vm: &mut Vm, code: &Py<crate::types::code::CodeObject>, path: &Py<Str>) -> PyResult<()> {
    vm.check_stack(" while renaming code")?;
    let old = code.filename.load(vm);
    if old.eq_chars(path) {
        return Ok(());
    }
    let was = code.filename.replace(vm, path.clone());
    drop(was);
    for inner in code.consts.items().iter().filter_map(|c| c.downcast::<crate::types::code::CodeObject>()) {
        fix_filename(vm, inner, path)?;
    }
    Ok(())
}

/// The hash of source text that hash-based `.pyc` files bear (SipHash-1-3).
#[pyfunction(sig = "(key, source)")]
fn source_hash(key: i64, source: &Value, vm: &mut Vm) -> PyResult {
    use std::hash::Hasher;
    let bytes = vm.bytes_of(source)?;
    let mut hasher = siphasher::sip::SipHasher13::new_with_keys(key as u64, 0);
    hasher.write(&bytes);
    let hash = hasher.finish().to_le_bytes();
    Ok(vm.new_bytes(&hash)?.into_value())
}

crate::module! {
    "_imp",
    doc: "The native side of importing.",
    functions: [
        lock_held, acquire_lock, release_lock, extension_suffixes, is_builtin, is_frozen, is_frozen_package, find_frozen, get_frozen_object, init_frozen,
        _frozen_module_names, _override_frozen_modules_for_tests, _override_multi_interp_extensions_check, create_builtin, exec_builtin,
        create_dynamic, exec_dynamic, _fix_co_filename, source_hash,
    ],
    types: [],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let default = vm.intern("default").into_value();
    let name = vm.intern("check_hash_based_pycs");
    dict.set_str(vm, &name, default)?;
    let token = vm.intern("pyc_magic_number_token");
    let value = vm.new_int(u32::from_le_bytes([krait_bytecode::MAGIC as u8, (krait_bytecode::MAGIC >> 8) as u8, b'\r', b'\n']))?;
    dict.set_str(vm, &token, value)
}
