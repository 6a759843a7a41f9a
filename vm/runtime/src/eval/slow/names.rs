//! Variables: local ones, cells, globals, the namespaces of modules and classes; imports.

use super::{AGAIN, Done, Step};
use crate::eval::ops::{import_, names};
use crate::eval::specialize;
use crate::{Raised, Vm};

/// LOAD_FAST_CHECK.
pub(super) fn load_fast_check(vm: &mut Vm, s: &mut Step) -> Done {
    match s.local().clone() {
        Some(value) => s.push(value),
        None => return Err(unbound_fast(vm, s).into()),
    }
    Ok(())
}

/// DELETE_FAST.
pub(super) fn delete_fast(vm: &mut Vm, s: &mut Step) -> Done {
    if s.local().take().is_none() {
        return Err(unbound_fast(vm, s).into());
    }
    Ok(())
}

/// UnboundLocalError of the variable that the operand tells.
#[cold]
fn unbound_fast(vm: &mut Vm, s: &Step) -> Raised {
    let code = s.code();
    let name = code.local_name(s.count()).unwrap_or(n!(empty)).clone();
    names::unbound_local(vm, &name)
}

/// LOAD_COMMON_CONSTANT.
pub(super) fn load_common_constant(vm: &mut Vm, s: &mut Step) -> Done {
    s.push(names::load_common_constant(vm, s.oparg)?);
    Ok(())
}

/// LOAD_GLOBAL.
pub(super) fn load_global(vm: &mut Vm, s: &mut Step) -> Done {
    if s.adapts() {
        let (name, func) = (s.name(s.oparg >> 1), s.func());
        specialize::attr::load_global(vm, s.site(), &func, &name);
        return Err(AGAIN);
    }
    let name = s.name(s.oparg >> 1);
    let func = s.func();
    s.push(names::load_global(vm, &func, &name)?);
    if s.oparg & 1 != 0 {
        s.push_slot(None);
    }
    s.skip(4);
    Ok(())
}

/// LOAD_NAME.
pub(super) fn load_name(vm: &mut Vm, s: &mut Step) -> Done {
    let (name, func, locals) = (s.name(s.oparg), s.func(), s.locals());
    s.push(names::load_name(vm, locals.as_ref(), &func, &name)?);
    Ok(())
}

/// STORE_NAME.
pub(super) fn store_name(vm: &mut Vm, s: &mut Step) -> Done {
    let (name, locals, value) = (s.name(s.oparg), s.locals(), s.pop());
    names::store_name(vm, locals.as_ref(), &name, value)?;
    Ok(())
}

/// DELETE_NAME.
pub(super) fn delete_name(vm: &mut Vm, s: &mut Step) -> Done {
    let (name, locals) = (s.name(s.oparg), s.locals());
    names::delete_name(vm, locals.as_ref(), &name)?;
    Ok(())
}

/// STORE_GLOBAL.
pub(super) fn store_global(vm: &mut Vm, s: &mut Step) -> Done {
    let (name, func, value) = (s.name(s.oparg), s.func(), s.pop());
    func.globals.set_str(vm, &name, value)?;
    Ok(())
}

/// DELETE_GLOBAL.
pub(super) fn delete_global(vm: &mut Vm, s: &mut Step) -> Done {
    let (name, func) = (s.name(s.oparg), s.func());
    names::delete_global(vm, &func.globals, &name)?;
    Ok(())
}

/// LOAD_LOCALS.
pub(super) fn load_locals(vm: &mut Vm, s: &mut Step) -> Done {
    match s.locals() {
        Some(locals) => s.push(locals),
        None => return Err(vm.system_error("no locals").into()),
    }
    Ok(())
}

/// LOAD_FROM_DICT_OR_GLOBALS.
pub(super) fn load_from_dict_or_globals(vm: &mut Vm, s: &mut Step) -> Done {
    let (mapping, name, func) = (s.pop(), s.name(s.oparg), s.func());
    s.push(names::load_from_dict_or_globals(vm, &mapping, &func, &name)?);
    Ok(())
}

/// LOAD_FROM_DICT_OR_DEREF.
pub(super) fn load_from_dict_or_deref(vm: &mut Vm, s: &mut Step) -> Done {
    let (mapping, code, cell) = (s.pop(), s.code(), s.local().clone());
    s.push(names::load_from_dict_or_deref(vm, &mapping, &code, cell.as_ref(), s.count())?);
    Ok(())
}

/// LOAD_DEREF.
pub(super) fn load_deref(vm: &mut Vm, s: &mut Step) -> Done {
    let (code, cell) = (s.code(), s.local().clone());
    s.push(names::load_deref(vm, &code, cell.as_ref(), s.count())?);
    Ok(())
}

/// STORE_DEREF.
pub(super) fn store_deref(vm: &mut Vm, s: &mut Step) -> Done {
    let value = s.pop_slot();
    let old = names::store_deref(vm, s.local().as_ref(), value)?;
    drop(old);
    Ok(())
}

/// DELETE_DEREF.
pub(super) fn delete_deref(vm: &mut Vm, s: &mut Step) -> Done {
    let old = names::store_deref(vm, s.local().as_ref(), None)?;
    if old.is_none() {
        let code = s.code();
        return Err(names::unbound_error(vm, &code, s.count()).into());
    }
    drop(old);
    Ok(())
}

/// MAKE_CELL.
pub(super) fn make_cell(vm: &mut Vm, s: &mut Step) -> Done {
    let initial = s.local().take();
    let cell = vm.new_cell(initial)?;
    *s.local() = Some(cell.into_value());
    Ok(())
}

/// COPY_FREE_VARS.
pub(super) fn copy_free_vars(vm: &mut Vm, s: &mut Step) -> Done {
    let closure = s.func().closure.load(vm);
    let first = s.code().nlocalsplus() - s.count();
    for (i, cell) in closure.iter().flat_map(|c| c.items()).take(s.count()).enumerate() {
        *s.variable(first + i) = Some(cell.clone());
    }
    Ok(())
}

/// LOAD_BUILD_CLASS.
pub(super) fn load_build_class(vm: &mut Vm, s: &mut Step) -> Done {
    let func = s.func();
    s.push(names::load_build_class(vm, &func)?);
    Ok(())
}

/// SETUP_ANNOTATIONS.
pub(super) fn setup_annotations(vm: &mut Vm, s: &mut Step) -> Done {
    let locals = s.locals();
    names::setup_annotations(vm, locals.as_ref())?;
    Ok(())
}

/// IMPORT_NAME.
pub(super) fn import_name(vm: &mut Vm, s: &mut Step) -> Done {
    let (name, func, locals) = (s.name(s.oparg), s.func(), s.locals());
    let fromlist = s.pop();
    let level = s.pop();
    s.push(import_::import_name(vm, &func, locals.as_ref(), &name, fromlist, level)?);
    Ok(())
}

/// IMPORT_FROM.
pub(super) fn import_from(vm: &mut Vm, s: &mut Step) -> Done {
    let (name, module) = (s.name(s.oparg), s.peek(1));
    s.push(import_::import_from(vm, &module, &name)?);
    Ok(())
}
