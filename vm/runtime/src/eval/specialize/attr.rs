//! Specialised attributes and globals: LOAD_ATTR, STORE_ATTR, LOAD_GLOBAL.
#![allow(unsafe_code, reason = "caches places inside objects")]

use super::Site;
use super::call::is_simple;
use crate::eval::frame::Slot;
use crate::eval::ops::attr::is_generic;
use crate::types::class::flags;
use crate::types::dict::Dict;
use crate::types::instance;
use crate::types::module::Module;
use crate::types::native::MemberDescr;
use crate::types::object::Object;
use crate::types::property::Property;
use crate::types::pyfunction::Function;
use crate::types::slots::{GetAttrFn, SetAttrFn};
use crate::types::str_::Str;
use crate::types::super_::Super;
use crate::types::typeobject::slotfuncs;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyClass, Value, Vm};
use krait_bytecode::Opcode;
use krait_heap::{Header, ObjectFlags};

/// What the cache of LOAD_ATTR_SLOT holds in place of a slot's distance from the header, if the attribute is the type in the header.
pub const TYPE_SLOT: u32 = 0;

/// Stamp of a dict's keys, made if it has none; 0 when stamps have run out.
pub fn keys_version(vm: &Vm, dict: &Dict) -> u32 {
    if dict.keys_version.get() == 0 {
        let next = vm.interp.next_dict_version.get();
        if next != 0 {
            vm.interp.next_dict_version.set(next.wrapping_add(1));
            dict.keys_version.set(next);
        }
    }
    dict.keys_version.get()
}

/// The version of an object's type, for objects that are no words.
#[inline(always)]
pub fn type_version(header: &Header) -> u32 {
    // SAFETY: type cores are the beginning of a `PyType`.
    unsafe { (*header.type_ptr().cast::<PyType>()).version.get() }
}

/// LOAD_GLOBAL.
#[cold]
#[inline(never)]
pub fn load_global(vm: &mut Vm, site: Site, func: &Py<Function>, name: &Py<Str>) {
    let small = |n: usize| u16::try_from(n).ok();
    if !func.globals.is_exact() {
        return site.failed();
    }
    let module_version = keys_version(vm, &func.globals);
    let Some(module_version) = small(module_version as usize).filter(|v| *v != 0) else { return site.failed() };
    if let Some(index) = func.globals.find_str(vm, name) {
        let Some(index) = small(index) else { return site.failed() };
        site.set_u16(1, index);
        site.set_u16(2, module_version);
        return site.become_op(Opcode::LOAD_GLOBAL_MODULE);
    }
    let Some(builtins) = func.builtins.downcast_exact::<Dict>() else { return site.failed() };
    let builtin_version = small(keys_version(vm, builtins) as usize).filter(|v| *v != 0);
    let index = builtins.find_str(vm, name).and_then(small);
    let (Some(builtin_version), Some(index)) = (builtin_version, index) else { return site.failed() };
    site.set_u16(1, index);
    site.set_u16(2, module_version);
    site.set_u16(3, builtin_version);
    site.become_op(Opcode::LOAD_GLOBAL_BUILTIN);
}

/// Bytes between an object's header and its inline value `index`, if it fits the caches: half of it is what is kept.
fn inline_offset(vm: &Vm, header: &Header, index: usize) -> Option<usize> {
    let slot: *const Slot = instance::inline_values(vm, header)?.values().get(index)?;
    Some(slot as usize - std::ptr::from_ref(header) as usize)
}

/// LOAD_ATTR.
#[cold]
#[inline(never)]
pub fn load_attr(vm: &mut Vm, site: Site, object: Option<&Value>, name: &Py<Str>, oparg: u32) {
    let Some(object) = object else { return site.failed() };
    if !name.is_interned() || choose(vm, site, object, name, oparg & 1 != 0).is_none() {
        site.failed();
    }
}

fn choose(vm: &mut Vm, site: Site, object: &Value, name: &Py<Str>, method: bool) -> Option<()> {
    if let Some(module) = object.downcast_exact::<Module>() {
        return load_module(vm, site, module, name);
    }
    if let Some(class) = object.downcast::<PyType>() {
        return load_class(vm, site, class, name);
    }
    let ty = object.ty().clone();
    if !is_generic(vm, &ty) {
        return if method { None } else { load_overridden(vm, site, object, &ty) };
    }
    if let Some(header) = object.header() {
        instance::dematerialize(vm, header);
    }
    let version = Some(ty.version_tag(vm)).filter(|v| *v != 0)?;
    let descr = ty.lookup(vm, name);
    site.set_u32(1, version);
    if let Some(descr) = &descr {
        let slots = &descr.type_ref().slots;
        if slots.descr_set.get().is_some() {
            if let Some(property) = descr.downcast_exact::<Property>() {
                let getter = property.fget.get(vm).as_ref().and_then(|f| f.downcast_exact::<Function>())?;
                if method || !is_simple(vm, getter, 1) {
                    return None;
                }
                object.header()?;
                site.set_u64(5, descr.bits());
                site.become_op(Opcode::LOAD_ATTR_PROPERTY);
                return Some(());
            }
            let header = object.header()?;
            if name.is(n!(__class__)) {
                let standard = Object::type_object(vm).lookup(vm, name)?;
                if !standard.is_same(descr) {
                    return None;
                }
                site.set_u32(3, TYPE_SLOT);
                site.become_op(Opcode::LOAD_ATTR_SLOT);
                return Some(());
            }
            let member = descr.downcast_exact::<MemberDescr>().filter(|m| m.def.is_none() && ty.is_subtype(vm, &m.owner))?;
            let slot = header.slot(member.index)?;
            let back = object.bits() as usize - slot.as_ptr() as usize;
            site.set_u32(3, u32::try_from(back).ok()?);
            site.become_op(Opcode::LOAD_ATTR_SLOT);
            return Some(());
        }
        let is_method = descr.type_flag(flags::METHOD_DESCRIPTOR);
        if (is_method && !method) || (!is_method && slots.descr_get.get().is_some()) {
            return None;
        }
        let shadowed = object.header().and_then(|h| instance::get(vm, h, name)).is_some();
        if shadowed {
            return None;
        }
        site.set_u64(5, descr.bits());
        let op = if !ty.has_flag(flags::MANAGED_DICT) {
            if is_method { Opcode::LOAD_ATTR_METHOD_NO_DICT } else { Opcode::LOAD_ATTR_NONDESCRIPTOR_NO_DICT }
        } else {
            let inline = object.header()?.has_flag(ObjectFlags::INLINE_VALUES);
            let known = ty.shared_keys.get(vm).index_of(name).is_some();
            if !inline && is_method {
                site.become_op(Opcode::LOAD_ATTR_METHOD_LAZY_DICT);
                return Some(());
            }
            if !inline || known {
                return None;
            }
            if is_method { Opcode::LOAD_ATTR_METHOD_WITH_VALUES } else { Opcode::LOAD_ATTR_NONDESCRIPTOR_WITH_VALUES }
        };
        if !is_method && method {
            // The plain forms push no second item.
            return None;
        }
        site.become_op(op);
        return Some(());
    }
    let header = object.header()?;
    if header.has_flag(ObjectFlags::INLINE_VALUES) {
        let index = ty.shared_keys.get(vm).index_of(name)?;
        let offset = inline_offset(vm, header, index)?;
        site.set_u32(3, u32::try_from(offset).ok()?);
        site.become_op(Opcode::LOAD_ATTR_INSTANCE_VALUE);
        return Some(());
    }
    let dict = instance::dict_word(vm, header)?.clone();
    let place = dict.find_str(vm, name)?;
    site.set_u32(3, u32::try_from(place).ok()?);
    site.become_op(Opcode::LOAD_ATTR_WITH_HINT);
    Some(())
}

fn load_module(vm: &mut Vm, site: Site, module: &Py<Module>, name: &Py<Str>) -> Option<()> {
    let ty = module.as_value().ty().clone();
    let shadowing = ty.lookup(vm, name).is_some_and(|d| d.type_ref().slots.descr_set.get().is_some());
    if shadowing {
        return None;
    }
    let dict = module.dict.load(vm)?;
    let place = dict.find_str(vm, name)?;
    let version = Some(keys_version(vm, &dict)).filter(|v| *v != 0)?;
    site.set_u32(1, version);
    site.set_u32(3, u32::try_from(place).ok()?);
    site.become_op(Opcode::LOAD_ATTR_MODULE);
    Some(())
}

fn load_class(vm: &mut Vm, site: Site, class: &Py<PyType>, name: &Py<Str>) -> Option<()> {
    let meta = class.as_value().ty().clone();
    let standard: Option<GetAttrFn> = PyType::type_object(vm).slots.getattro.get();
    let generic = matches!((meta.slots.getattro.get(), standard), (Some(a), Some(b)) if std::ptr::fn_addr_eq(a, b));
    if !generic || meta.lookup(vm, name).is_some() {
        return None;
    }
    let found = class.lookup(vm, name)?;
    // A function looked up on a class is itself, and so is a native type's method.
    if found.type_ref().slots.descr_get.get().is_some() && !found.type_flag(flags::METHOD_DESCRIPTOR) {
        return None;
    }
    let version = Some(class.version_tag(vm)).filter(|v| *v != 0)?;
    site.set_u32(1, version);
    site.set_u64(5, found.bits());
    if class.is_exact() {
        site.become_op(Opcode::LOAD_ATTR_CLASS);
        return Some(());
    }
    let meta_version = Some(meta.version_tag(vm)).filter(|v| *v != 0)?;
    site.set_u32(3, meta_version);
    site.become_op(Opcode::LOAD_ATTR_CLASS_WITH_METACLASS_CHECK);
    Some(())
}

/// An object whose class has a `__getattribute__` in Python, of two plain parameters, and no `__getattr__`.
fn load_overridden(vm: &mut Vm, site: Site, object: &Value, ty: &Py<PyType>) -> Option<()> {
    object.header()?;
    let generic = ty.slots.getattro.get().is_some_and(|f| f as usize == slotfuncs::getattro as *const () as usize);
    if !generic || ty.lookup(vm, n!(__getattr__)).is_some() {
        return None;
    }
    let found = ty.lookup(vm, n!(__getattribute__))?;
    let func = found.downcast_exact::<Function>()?;
    if func.code.load(vm).check(vm).is_err() || !is_simple(vm, func, 2) {
        return None;
    }
    let version = Some(ty.version_tag(vm)).filter(|v| *v != 0)?;
    site.set_u32(1, version);
    site.set_u64(5, found.bits());
    site.become_op(Opcode::LOAD_ATTR_GETATTRIBUTE_OVERRIDDEN);
    Some(())
}

/// LOAD_SUPER_ATTR: of the real `super`, whether for a call or not.
#[cold]
#[inline(never)]
pub fn load_super_attr(vm: &mut Vm, site: Site, global_super: Option<&Value>, class: Option<&Value>, oparg: u32) {
    let real = global_super.is_some_and(|s| s.is_same(Super::type_object(vm).as_value()));
    if real && class.is_some_and(|c| c.is::<PyType>()) {
        site.become_op(if oparg & 1 != 0 { Opcode::LOAD_SUPER_ATTR_METHOD } else { Opcode::LOAD_SUPER_ATTR_ATTR });
    } else {
        site.failed();
    }
}

/// STORE_ATTR.
#[cold]
#[inline(never)]
pub fn store_attr(vm: &mut Vm, site: Site, object: Option<&Value>, name: &Py<Str>) {
    if !name.is_interned() || object.and_then(|o| choose_store(vm, site, o, name)).is_none() {
        site.failed();
    }
}

fn choose_store(vm: &mut Vm, site: Site, object: &Value, name: &Py<Str>) -> Option<()> {
    let ty = object.ty().clone();
    let standard: Option<SetAttrFn> = Object::type_object(vm).slots.setattro.get();
    let generic = match (ty.slots.setattro.get(), standard) {
        (None, _) => true,
        (Some(a), Some(b)) => std::ptr::fn_addr_eq(a, b),
        (Some(_), None) => false,
    };
    let header = object.header()?;
    if !generic || object.is::<PyType>() {
        return None;
    }
    let version = Some(ty.version_tag(vm)).filter(|v| *v != 0)?;
    site.set_u32(1, version);
    if let Some(descr) = ty.lookup(vm, name)
        && descr.type_ref().slots.descr_set.get().is_some() {
            let member = descr.downcast_exact::<MemberDescr>().filter(|m| m.def.is_none() && ty.is_subtype(vm, &m.owner))?;
            let slot = header.slot(member.index)?;
            let back = object.bits() as usize - slot.as_ptr() as usize;
            site.set_u16(3, u16::try_from(back).ok()?);
            site.become_op(Opcode::STORE_ATTR_SLOT);
            return Some(());
        }
    if !header.has_flag(ObjectFlags::INLINE_VALUES) {
        let place = instance::dict_word(vm, header)?.find_str(vm, name)?;
        site.set_u16(3, u16::try_from(place).ok()?);
        site.become_op(Opcode::STORE_ATTR_WITH_HINT);
        return Some(());
    }
    let index = ty.shared_keys.get(vm).index_of(name)?;
    let offset = inline_offset(vm, header, index)? / 8;
    if index > 31 || offset >= 1 << 11 {
        return None;
    }
    site.set_u16(3, (offset << 5 | index) as u16);
    site.become_op(Opcode::STORE_ATTR_INSTANCE_VALUE);
    Some(())
}

/// Sets an inline value that is not set yet; gives the value back if the object has none in use.
pub fn set_inline(vm: &mut Vm, object: &Value, index: usize, value: Value) -> Result<(), Value> {
    let Some(header) = object.header() else { return Err(value) };
    match instance::inline_values_mut(vm, header) {
        Some(inline) => {
            let old = inline.set(index, value);
            drop(old);
            Ok(())
        }
        None => Err(value),
    }
}
