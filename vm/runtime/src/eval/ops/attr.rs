//! Attributes: methods without bound method objects, special methods, `super()` attributes.

use crate::types::class::flags;
use crate::types::classmethod::ClassMethod;
use crate::types::instance;
use crate::types::object::Object;
use crate::types::pyfunction::Function;
use crate::types::slots::GetAttrFn;
use crate::types::str_::Str;
use crate::types::super_::{Super, super_lookup};
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyClass, PyResult, Raised, Value, Vm};
use krait_bytecode::opcode::SpecialMethod;

/// Whether objects of `ty` look attributes up in the standard way.
#[inline]
pub fn is_generic(vm: &Vm, ty: &PyType) -> bool {
    let standard: Option<GetAttrFn> = Object::type_object(vm).slots.getattro.get();
    match (ty.slots.getattro.get(), standard) {
        (None, _) => true,
        (Some(a), Some(b)) => std::ptr::fn_addr_eq(a, b),
        (Some(_), None) => false,
    }
}

/// An attribute that is found in the standard way without calling a descriptor; true if it is the function of a method.
#[inline]
pub fn plain_attribute(vm: &Vm, object: &Value, name: &Py<Str>) -> Option<(Value, bool)> {
    let ty = object.type_ref();
    if !is_generic(vm, ty) {
        return None;
    }
    let descr = ty.lookup(vm, name);
    if let Some(descr) = &descr {
        let slots = &descr.type_ref().slots;
        if slots.descr_set.get().is_some() && slots.descr_get.get().is_some() {
            return None;
        }
    }
    if let Some(found) = object.header().and_then(|h| instance::get(vm, h, name)) {
        return Some((found.clone(), false));
    }
    let descr = descr?;
    if descr.type_flag(flags::METHOD_DESCRIPTOR) {
        return Some((descr, true));
    }
    descr.type_ref().slots.descr_get.get().is_none().then_some((descr, false))
}

/// `object.name` to be called: the function and the object if it is a method, else the attribute alone.
pub fn load_method(vm: &mut Vm, object: &Value, name: &Py<Str>) -> PyResult<(Value, Option<Value>)> {
    match plain_attribute(vm, object, name) {
        Some((function, true)) => Ok((function, Some(object.clone()))),
        Some((value, false)) => Ok((value, None)),
        None => match class_method(vm, object, name) {
            Some(function) => Ok((function, Some(object.clone()))),
            None => Ok((vm.getattr(object, name)?, None)),
        },
    }
}

/// The function of a `classmethod` that `object`, a class, finds under `name`: it can be called with the class without a bound method
/// between them.
fn class_method(vm: &mut Vm, object: &Value, name: &Py<Str>) -> Option<Value> {
    let cls = object.downcast::<PyType>()?;
    let standard: GetAttrFn = PyType::type_object(vm).slots.getattro.get()?;
    let meta = object.ty();
    if !meta.slots.getattro.get().is_some_and(|f| std::ptr::fn_addr_eq(f, standard)) || meta.lookup(vm, name).is_some() {
        return None;
    }
    let found = cls.lookup(vm, name)?;
    let function = found.downcast_exact::<ClassMethod>()?.callable.load(vm)?;
    function.is_exact::<Function>().then_some(function)
}

/// The special method of LOAD_SPECIAL with the object to pass to it.
pub fn load_special(vm: &mut Vm, owner: Value, oparg: u32) -> PyResult<(Value, Option<Value>)> {
    let Some(which) = SpecialMethod::from_oparg(oparg) else { return Err(vm.system_error("bad operand of LOAD_SPECIAL")) };
    let name = match which {
        SpecialMethod::SPECIAL___ENTER__ => n!(__enter__),
        SpecialMethod::SPECIAL___EXIT__ => n!(__exit__),
        SpecialMethod::SPECIAL___AENTER__ => n!(__aenter__),
        SpecialMethod::SPECIAL___AEXIT__ => n!(__aexit__),
    };
    let Some(descr) = owner.type_ref().lookup(vm, name) else { return Err(no_special(vm, &owner, which)) };
    if descr.type_flag(flags::METHOD_DESCRIPTOR) {
        return Ok((descr, Some(owner)));
    }
    match descr.type_ref().slots.descr_get.get() {
        Some(get) => {
            let ty = owner.ty().clone();
            Ok((get(vm, &descr, Some(&owner), Some(ty.as_value()))?, None))
        }
        None => Ok((descr, None)),
    }
}

#[cold]
fn no_special(vm: &mut Vm, owner: &Value, which: SpecialMethod) -> Raised {
    let ty = owner.ty().clone();
    let (kind, others, hint) = match which {
        SpecialMethod::SPECIAL___ENTER__ | SpecialMethod::SPECIAL___EXIT__ => (
            "the context manager protocol",
            ["__aenter__", "__aexit__"],
            "but it supports the asynchronous context manager protocol. Did you mean to use 'async with'?",
        ),
        SpecialMethod::SPECIAL___AENTER__ | SpecialMethod::SPECIAL___AEXIT__ => (
            "the asynchronous context manager protocol",
            ["__enter__", "__exit__"],
            "but it supports the context manager protocol. Did you mean to use 'with'?",
        ),
    };
    let has_others = others.iter().all(|o| {
        let name = vm.intern(o);
        ty.lookup(vm, &name).is_some()
    });
    let name = fully_qualified_name(vm, &ty);
    let missed = which.text();
    let hint = if has_others { format!(" {hint}") } else { String::new() };
    vm.type_error(format!("'{name}' object does not support {kind} (missed {missed} method){hint}"))
}

/// Module and qualified name of a type, the module left out for builtins and `__main__`.
pub fn fully_qualified_name(vm: &mut Vm, ty: &Py<PyType>) -> String {
    let text = |v: Value| v.downcast::<Str>().map(|s| s.to_string_lossy().into_owned());
    let qualname = ty.qualname.load(vm).and_then(text).unwrap_or_else(|| ty.tp_name());
    let module = ty.dict.load(vm).and_then(|d| d.get_str(vm, n!(__module__)).cloned());
    match module.and_then(text) {
        Some(m) if m != "builtins" && m != "__main__" => format!("{m}.{qualname}"),
        _ => qualname,
    }
}

/// `super().name` of LOAD_SUPER_ATTR with `global_super` being whatever `super` is bound to: the attribute, and the object if it is a method to be
/// called. With the real `super` no object of it is made.
pub fn load_super_attr(vm: &mut Vm, global_super: &Value, class: &Value, zelf: &Value, name: &Py<Str>, oparg: u32) -> PyResult<(Value, Option<Value>)> {
    if global_super.is_same(Super::type_object(vm).as_value()) && !name.is(n!(__class__))
        && let Some(this) = class.downcast::<PyType>() {
            let start = match zelf.downcast::<PyType>() {
                Some(object) if object.is_subtype(vm, this) => Some(object),
                _ if zelf.type_ref().is_subtype(vm, this) => Some(zelf.ty()),
                _ => None,
            };
            if let Some(start) = start {
                if let Some(found) = super_method(vm, this, start, zelf, name, oparg & 1 != 0) {
                    return Ok((found, Some(zelf.clone())));
                }
                let start = start.clone();
                if let Some(found) = super_lookup(vm, this, zelf, &start, name)? {
                    return Ok((found, None));
                }
            }
        }
    let object = if oparg & 2 != 0 { vm.call(global_super, &[class.clone(), zelf.clone()])? } else { vm.call(global_super, &[])? };
    Ok((vm.getattr(&object, name)?, None))
}

/// The function of a method behind `this` in the MRO of `start`, if that is what the name finds.
fn super_method(vm: &Vm, this: &Py<PyType>, start: &Py<PyType>, zelf: &Value, name: &Py<Str>, call: bool) -> Option<Value> {
    if !call || zelf.is_same(start.as_value()) {
        return None;
    }
    let mro = start.mro.get(vm).as_ref()?;
    let behind = mro.items().iter().skip_while(|c| !c.is_same(this.as_value())).skip(1);
    let found = behind.filter_map(|c| c.downcast::<PyType>()).find_map(|c| c.dict.get(vm).as_ref()?.get_str(vm, name))?;
    found.type_flag(flags::METHOD_DESCRIPTOR).then(|| found.clone())
}
