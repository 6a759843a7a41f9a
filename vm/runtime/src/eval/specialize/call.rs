//! Specialised calls.

use super::Site;
use crate::types::class::flags;
use crate::types::native::{BuiltinFunction, MethodDescr};
use crate::types::object::Object;
use crate::types::pyfunction::Function;
use crate::types::slots::NewFn;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyClass, Value, Vm};
use krait_bytecode::Opcode;
use krait_bytecode::code::co;

/// Whether a frame can be made without binding `given` arguments, which also leaves the check of the code out.
pub fn is_simple(vm: &Vm, func: &Function, given: usize) -> bool {
    let code = func.code.get(vm);
    code.is_sound() && code.flags & (co::OPTIMIZED | co::VARARGS | co::VARKEYWORDS) == co::OPTIMIZED && code.kwonlyargcount == 0 && code.argcount as usize == given
}

/// Whether the verifier finds the function's code sound; the specialised form of a call does not ask again.
fn is_sound(vm: &mut Vm, func: &Function) -> bool {
    let code = func.code.load(vm);
    code.check(vm).is_ok()
}

/// CALL of `count` arguments, with `zelf` in front if there is one.
#[cold]
#[inline(never)]
pub fn call(vm: &mut Vm, site: Site, callable: Option<&Value>, zelf: Option<&Value>, count: usize) {
    let Some(callable) = callable else { return site.failed() };
    if choose(vm, site, callable, zelf.is_some(), count).is_none() {
        site.failed();
    }
}

fn choose(vm: &mut Vm, site: Site, callable: &Value, has_self: bool, count: usize) -> Option<()> {
    let total = count + usize::from(has_self);
    let op = if let Some(func) = callable.downcast_exact::<Function>() {
        let version = func.version.get();
        if version == 0 || !is_sound(vm, func) {
            return None;
        }
        site.set_u32(1, version);
        if is_simple(vm, func, total) { Opcode::CALL_PY_EXACT_ARGS } else { Opcode::CALL_PY_GENERAL }
    } else if let Some(f) = callable.downcast_exact::<BuiltinFunction>() {
        if f.def.name == "len" && is_builtin(f) && total == 1 {
            vm.interp.len_def.set(std::ptr::from_ref(f.def) as usize);
            Opcode::CALL_LEN
        } else if f.def.name == "isinstance" && is_builtin(f) && total == 2 {
            vm.interp.isinstance_def.set(std::ptr::from_ref(f.def) as usize);
            Opcode::CALL_ISINSTANCE
        } else {
            Opcode::CALL_BUILTIN_FAST
        }
    } else if let Some(d) = callable.downcast_exact::<MethodDescr>() {
        if !has_self {
            site.become_op(Opcode::CALL_NON_PY_GENERAL);
            return Some(());
        }
        if d.def.name == "append" && total == 2 && d.owner.is(crate::types::list::List::type_object(vm)) {
            vm.interp.append_def.set(std::ptr::from_ref(d.def) as usize);
            Opcode::CALL_LIST_APPEND
        } else {
            Opcode::CALL_METHOD_DESCRIPTOR_FAST
        }
    } else if let Some(class) = callable.downcast::<PyType>() {
        if has_self {
            site.become_op(Opcode::CALL_NON_PY_GENERAL);
            return Some(());
        }
        if count == 1 && class.is(PyType::type_object(vm)) {
            Opcode::CALL_TYPE_1
        } else if count == 1 && class.is(Str::type_object(vm)) {
            Opcode::CALL_STR_1
        } else {
            return class_call(vm, site, class, count).or_else(|| {
                // A class that has used its stamps up is not worth looking at again.
                if class.has_flag(flags::HEAPTYPE) && class.version_tag(vm) == 0 {
                    return None;
                }
                site.become_op(Opcode::CALL_NON_PY_GENERAL);
                Some(())
            });
        }
    } else {
        Opcode::CALL_NON_PY_GENERAL
    };
    site.become_op(op);
    Some(())
}

fn is_builtin(f: &BuiltinFunction) -> bool {
    f.module.as_ref().and_then(|m| m.downcast::<Str>()).is_some_and(|m| m.eq_str("builtins"))
}

/// A class whose objects are made by `object.__new__` and set up by a Python `__init__`.
fn class_call(vm: &mut Vm, site: Site, class: &Py<PyType>, count: usize) -> Option<()> {
    let standard: Option<NewFn> = Object::type_object(vm).slots.new.get();
    let same = matches!((class.slots.new.get(), standard), (Some(a), Some(b)) if std::ptr::fn_addr_eq(a, b));
    let meta = class.as_value().ty();
    if !same || !meta.is(PyType::type_object(vm)) || class.has_flag(flags::IS_ABSTRACT) || !class.has_flag(flags::HEAPTYPE) {
        return None;
    }
    let native = class.native.get()?;
    if !std::ptr::eq(native, Object::static_type().def()) {
        return None;
    }
    let found = class.lookup(vm, n!(__init__))?;
    let init = found.downcast_exact::<Function>()?;
    // A generator would be the result of the frame that is to return to the new object.
    const SUSPENDS: u32 = co::GENERATOR | co::COROUTINE | co::ASYNC_GENERATOR;
    // With too few or too many arguments every call raises, so that the miss does not matter.
    let argcount = init.code.get(vm).argcount as usize;
    let defaults = init.defaults.get(vm).as_ref().map_or(0, |d| d.len());
    let never_fits = count + 1 > argcount || count + 1 + defaults < argcount;
    let fits = is_simple(vm, init, count + 1) || (never_fits && is_simple(vm, init, argcount));
    if !is_sound(vm, init) || !fits || init.code.get(vm).flags & SUSPENDS != 0 {
        return None;
    }
    let version = Some(class.version_tag(vm)).filter(|v| *v != 0)?;
    class.init_cache.set(found.bits());
    site.set_u32(1, version);
    site.become_op(Opcode::CALL_ALLOC_AND_ENTER_INIT);
    Some(())
}

/// Makes an object for CALL_ALLOC_AND_ENTER_INIT.
#[inline]
pub fn alloc(vm: &mut Vm, class: &Py<PyType>) -> crate::PyResult {
    Ok(vm.new_instance(class, Object)?.into_value())
}
