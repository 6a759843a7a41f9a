//! Names: globals, builtins, namespaces of classes and modules, cells.

use crate::eval::raise_builtin;
use crate::types::cell::PyCell;
use crate::types::code::CodeObject;
use crate::types::dict::Dict;
use crate::types::exceptions::KeyError;
use crate::types::pyfunction::Function;
use crate::types::str_::Str;
use crate::{Py, PyResult, Raised, Value, Vm};

/// `mapping.get(name)` for a namespace of any type: none for KeyError.
pub fn get_opt(vm: &mut Vm, mapping: &Value, name: &Py<Str>) -> PyResult<Option<Value>> {
    if let Some(dict) = mapping.downcast_exact::<Dict>() {
        return match dict.get_str(vm, name).cloned() {
            Some(value) => Ok(Some(value)),
            // A key of another type may say that it is equal.
            None => dict.get(vm, name.as_value()),
        };
    }
    let result = vm.getitem(mapping, name.as_value());
    crate::types::exceptions::catch::<KeyError, Value>(vm, result)
}

/// A global or builtin.
pub fn load_global(vm: &mut Vm, func: &Py<Function>, name: &Py<Str>) -> PyResult {
    if let Some(value) = func.globals.get_str(vm, name) {
        return Ok(value.clone());
    }
    if !func.globals.is_exact()
        && let Some(value) = get_opt(vm, func.globals.as_value(), name)? {
            return Ok(value);
        }
    let builtins = func.builtins.clone();
    match get_opt(vm, &builtins, name)? {
        Some(value) => Ok(value),
        None => Err(name_error(vm, name)),
    }
}

/// LOAD_NAME: the namespace, then globals and builtins.
pub fn load_name(vm: &mut Vm, locals: Option<&Value>, func: &Py<Function>, name: &Py<Str>) -> PyResult {
    let Some(locals) = locals else { return Err(vm.system_error(format!("no locals when loading '{}'", name.to_string_lossy()))) };
    if let Some(value) = get_opt(vm, locals, name)? {
        return Ok(value);
    }
    load_global(vm, func, name)
}

/// STORE_NAME.
pub fn store_name(vm: &mut Vm, locals: Option<&Value>, name: &Py<Str>, value: Value) -> PyResult<()> {
    let Some(locals) = locals else { return Err(vm.system_error(format!("no locals found when storing '{}'", name.to_string_lossy()))) };
    match locals.downcast_exact::<Dict>() {
        Some(dict) => dict.set_str(vm, name, value),
        None => vm.setitem(locals, name.as_value(), &value),
    }
}

/// DELETE_NAME.
pub fn delete_name(vm: &mut Vm, locals: Option<&Value>, name: &Py<Str>) -> PyResult<()> {
    let Some(locals) = locals else { return Err(vm.system_error(format!("no locals when deleting '{}'", name.to_string_lossy()))) };
    match locals.downcast_exact::<Dict>() {
        Some(dict) => match dict.remove_str(vm, name) {
            Some(_) => Ok(()),
            None => Err(name_error(vm, name)),
        },
        // As CPython has it, any failure to delete is a NameError.
        None => vm.delitem(locals, name.as_value()).map_err(|_| name_error(vm, name)),
    }
}

/// DELETE_GLOBAL.
pub fn delete_global(vm: &mut Vm, globals: &Py<Dict>, name: &Py<Str>) -> PyResult<()> {
    match globals.remove_str(vm, name) {
        Some(_) => Ok(()),
        None => Err(name_error(vm, name)),
    }
}

fn raise_named(vm: &mut Vm, class: &str, message: &str, name: &Py<Str>) -> Raised {
    let raised = raise_builtin(vm, class, message);
    let exception = raised.exception().to_value();
    // For suggestions; an exception class without the attribute is of no interest here.
    let _ = vm.setattr(&exception, n!(name), name.as_value());
    raised
}

/// NameError "name 'x' is not defined".
#[cold]
pub fn name_error(vm: &mut Vm, name: &Py<Str>) -> Raised {
    let message = format!("name '{}' is not defined", name.to_string_lossy());
    raise_named(vm, "NameError", &message, name)
}

/// What a cell or free variable that is not set raises.
#[cold]
pub fn unbound_error(vm: &mut Vm, code: &Py<CodeObject>, index: usize) -> Raised {
    let name = match code.local_name(index) {
        Some(name) => name.clone(),
        None => n!(empty).clone(),
    };
    if code.kinds.get(index).is_some_and(|k| k & krait_bytecode::code::fast::FREE != 0) {
        let text = name.to_string_lossy();
        let message = format!("cannot access free variable '{text}' where it is not associated with a value in enclosing scope");
        return raise_named(vm, "NameError", &message, &name);
    }
    unbound_local(vm, &name)
}

/// UnboundLocalError of a local variable; unlike a NameError it does not bear the name, so that nothing is suggested.
#[cold]
pub fn unbound_local(vm: &mut Vm, name: &Py<Str>) -> Raised {
    let message = format!("cannot access local variable '{}' where it is not associated with a value", name.to_string_lossy());
    raise_builtin(vm, "UnboundLocalError", &message)
}

/// The value of the cell in variable `index`.
pub fn load_deref(vm: &mut Vm, code: &Py<CodeObject>, cell: Option<&Value>, index: usize) -> PyResult {
    let value = cell.and_then(|c| c.downcast_exact::<PyCell>()).and_then(|c| c.value.load(vm));
    match value {
        Some(value) => Ok(value),
        None => Err(unbound_error(vm, code, index)),
    }
}

/// STORE_DEREF and DELETE_DEREF; gives back the old contents.
pub fn store_deref(vm: &mut Vm, cell: Option<&Value>, value: Option<Value>) -> PyResult<Option<Value>> {
    match cell.and_then(|c| c.downcast_exact::<PyCell>()) {
        Some(cell) => Ok(cell.value.replace(vm, value)),
        None => Err(vm.system_error("a cell variable holds no cell")),
    }
}

/// LOAD_FROM_DICT_OR_DEREF.
pub fn load_from_dict_or_deref(vm: &mut Vm, mapping: &Value, code: &Py<CodeObject>, cell: Option<&Value>, index: usize) -> PyResult {
    if let Some(name) = code.local_name(index)
        && let Some(value) = get_opt(vm, mapping, name)? {
            return Ok(value);
        }
    load_deref(vm, code, cell, index)
}

/// LOAD_FROM_DICT_OR_GLOBALS.
pub fn load_from_dict_or_globals(vm: &mut Vm, mapping: &Value, func: &Py<Function>, name: &Py<Str>) -> PyResult {
    match get_opt(vm, mapping, name)? {
        Some(value) => Ok(value),
        None => load_global(vm, func, name),
    }
}

/// LOAD_BUILD_CLASS.
pub fn load_build_class(vm: &mut Vm, func: &Py<Function>) -> PyResult {
    let builtins = func.builtins.clone();
    match get_opt(vm, &builtins, n!(__build_class__))? {
        Some(f) => Ok(f),
        None => Err(raise_builtin(vm, "NameError", "__build_class__ not found")),
    }
}

/// SETUP_ANNOTATIONS.
pub fn setup_annotations(vm: &mut Vm, locals: Option<&Value>) -> PyResult<()> {
    let Some(locals) = locals else { return Err(vm.system_error("no locals found when setting up annotations")) };
    if get_opt(vm, locals, n!(__annotations__))?.is_none() {
        let dict = vm.new_dict()?.into_value();
        vm.setitem(locals, n!(__annotations__).as_value(), &dict)?;
    }
    Ok(())
}

/// Remembers what LOAD_COMMON_CONSTANT gives, which does not change with the module `builtins`.
pub(crate) fn keep_common_constants(vm: &mut Vm) -> PyResult<()> {
    let mut found = Vec::new();
    while krait_bytecode::opcode::CommonConstant::from_oparg(found.len() as u32).is_some() {
        found.push(load_common_constant(vm, found.len() as u32)?);
    }
    let old = vm.interp.common_constants.replace(vm, found);
    drop(old);
    Ok(())
}

/// LOAD_COMMON_CONSTANT.
pub fn load_common_constant(vm: &mut Vm, oparg: u32) -> PyResult {
    use krait_bytecode::opcode::CommonConstant;
    let Some(which) = CommonConstant::from_oparg(oparg) else { return Err(vm.system_error("bad operand of LOAD_COMMON_CONSTANT")) };
    if let Some(value) = vm.interp.common_constants.get(vm).get(oparg as usize) {
        return Ok(value.clone());
    }
    let name = vm.intern(which.text());
    let builtins = vm.interp.builtins.load(vm);
    match builtins.and_then(|b| b.get_str(vm, &name).cloned()) {
        Some(value) => Ok(value),
        None => Err(vm.system_error(format!("{} is not there yet", which.text()))),
    }
}
