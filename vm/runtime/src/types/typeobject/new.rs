//! `__new__` of native types as a function in their dict.

use crate::args::{Args, ArgSpec, MethodDef, MethodKind};
use crate::types::type_::PyType;
use crate::types::typeobject::slotdefs::static_base;
use crate::types::value::ValueExt;
use crate::{Py, PyClass, PyResult, Value, Vm};

static SPEC: ArgSpec = ArgSpec { name: "__new__", params: &[], required: 0, positional: 0, posonly: 0, raw: true };

/// The definition that all native `__new__` share; `__self__` is the type.
pub static NEW: MethodDef = MethodDef {
    name: "__new__",
    func: call_new,
    kind: MethodKind::Class,
    spec: &SPEC,
    doc: Some("Make a new object of the type.  The type's help() has the exact signature."),
    text_signature: Some("($type, *args, **kwargs)"),
};

/// `__new__` for the dict of `ty`.
pub fn wrapper(vm: &mut Vm, ty: &Py<PyType>) -> PyResult {
    crate::types::native::new_builtin_method(vm, &NEW, ty.to_value(), None)
}

fn call_new(vm: &mut Vm, zelf: &Value, args: Args<'_>) -> PyResult {
    let Some(ty) = zelf.downcast::<PyType>() else { return Err(vm.system_error("__new__ is not bound to a type")) };
    let Some((first, rest)) = args.split_first() else {
        let name = ty.tp_name();
        return Err(vm.type_error(format!("{name}.__new__(): not enough arguments")));
    };
    let Some(cls) = first.downcast::<PyType>() else {
        let (name, got) = (ty.tp_name(), first.type_name());
        return Err(vm.type_error(format!("{name}.__new__(X): X is not a type object ({got})")));
    };
    if !cls.is_subtype(vm, ty) {
        let (name, got) = (ty.tp_name(), cls.tp_name());
        return Err(vm.type_error(format!("{name}.__new__({got}): {got} is not a subtype of {name}")));
    }
    // Only the constructor of the native base makes objects with the right payload.
    let base = static_base(cls);
    if base.slots.new.get().is_none() || base.has_flag(crate::types::class::flags::DISALLOW_INSTANTIATION) {
        let got = cls.tp_name();
        return Err(vm.type_error(format!("cannot create '{got}' instances")));
    }
    let mut new = ty.slots.new.get();
    if base.slots.new.get().is_none() {
        let got = cls.tp_name();
        return Err(vm.type_error(format!("cannot create '{got}' instances")));
    }
    if base.slots.new.get().map(|f| f as usize) != new.map(|f| f as usize) {
        let generic = base.has_flag(crate::types::class::flags::GENERIC_NEW);
        if !generic && !crate::types::exceptions::shares_new(vm, ty, base) {
            let (name, got, right) = (ty.tp_name(), cls.tp_name(), base.tp_name());
            return Err(vm.type_error(format!("{name}.__new__({got}) is not safe, use {right}.__new__()")));
        }
        new = base.slots.new.get();
    }
    match new {
        Some(new) => new(vm, cls, rest),
        None => {
            let name = ty.tp_name();
            Err(vm.type_error(format!("cannot create '{name}' instances")))
        }
    }
}

/// Whether a class is exactly `type`.
pub fn is_type_itself(cls: &Py<PyType>) -> bool {
    std::ptr::eq(&raw const cls.core, PyType::static_type().core_ptr())
}
