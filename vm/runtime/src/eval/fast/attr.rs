//! Specialised globals and attributes.
#![allow(unsafe_code, reason = "reads and writes places inside objects that caches hold")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

use crate::{Py, PyClass, PyResult, Value, Vm};
use crate::eval::call::exact_frame;
use crate::eval::dispatch::{Cx, Exit, guard, handlers, op, tri};
use crate::eval::fast::borrowed;
use crate::eval::frame::Slot;
use crate::eval::ops::attr::{load_method, load_special as find_special, load_super_attr as find_super, plain_attribute};
use crate::eval::specialize::{self, attr, read_u32, read_u64};
use crate::types::dict::Dict;
use crate::types::instance;
use crate::types::module::Module;
use crate::types::property::Property;
use crate::types::pyfunction::Function;
use crate::types::str_::Str;
use crate::types::super_::Super;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use krait_heap::{Header, ObjectFlags};

handlers! {
    fn load_global_module(c) {
        let globals = &(*c.frame).func.globals;
        guard!(c, globals.keys_version.get() == u32::from(*c.ip.add(2)));
        guard!(c, Some(value) = globals.value_at(c.vm, *c.ip.add(1) as usize).cloned());
        c.loaded_global(value)
    }

    fn load_global_builtin(c) {
        let func = &(*c.frame).func;
        guard!(c, Some(builtins) = func.builtins.downcast_exact::<Dict>());
        guard!(c, func.globals.keys_version.get() == u32::from(*c.ip.add(2)) && builtins.keys_version.get() == u32::from(*c.ip.add(3)));
        guard!(c, Some(value) = builtins.value_at(c.vm, *c.ip.add(1) as usize).cloned());
        c.loaded_global(value)
    }

    /// The general form, once it has turned out not to be one of the special ones.
    fn load_attr(c) {
        if *c.ip == 0 {
            return c.general(op::LOAD_ATTR);
        }
        let (Some(object), Some(name)) = (c.item(1), (*c.frame).code.name_at(c.count() >> 1)) else { return c.general(op::LOAD_ATTR) };
        *c.ip.cast_mut() -= 1;
        c.save();
        if c.oparg & 1 != 0 {
            if !method(c.vm, c.sp, name) {
                return c.raised();
            }
            c.sp = c.sp.add(1);
            c.skip(9);
            return c.next_awake();
        }
        let value = tri!(c, attribute(c.vm, object, name));
        let object = c.pop_word();
        c.push(value);
        c.skip(9);
        c.next_awake_without(object, 0)
    }

    fn load_instance_value(c) {
        guard!(c, Some(header) = c.known_header());
        guard!(c, header.has_flag(ObjectFlags::INLINE_VALUES));
        let place = std::ptr::from_ref(header).cast::<u8>().add(read_u32(c.ip, 3) as usize).cast::<Slot>();
        guard!(c, Some(value) = (*place).clone());
        c.loaded_attr(value)
    }

    fn load_slot(c) {
        guard!(c, Some(header) = c.known_header());
        let back = read_u32(c.ip, 3);
        if back == attr::TYPE_SLOT {
            return load_type(c.vm, c.frame, c.ip, c.sp, c.oparg, c.table);
        }
        let place = std::ptr::from_ref(header).cast::<u8>().sub(back as usize).cast::<Slot>();
        guard!(c, Some(value) = (*place).clone());
        c.loaded_attr(value)
    }

    /// `__class__`, which is no slot but in the header; the guards of `load_slot` hold.
    #[cold]
    fn load_type(c) {
        guard!(c, Some(object) = c.item(1));
        let class = object.ty().to_value();
        c.loaded_attr(class)
    }

    fn load_with_hint(c) {
        guard!(c, Some(header) = c.known_header());
        guard!(c, !header.has_flag(ObjectFlags::INLINE_VALUES));
        guard!(c, Some(dict) = instance::dict_word(c.vm, header));
        guard!(c, Some((key, value)) = dict.entry_at(c.vm, read_u32(c.ip, 3) as usize));
        let name = (*c.frame).code.names.items().as_ptr().add(c.count() >> 1);
        guard!(c, key.is_same(&*name));
        let value = value.clone();
        c.loaded_attr(value)
    }

    fn load_module(c) {
        guard!(c, Some(module) = c.item(1).and_then(|m| m.downcast_exact::<Module>()));
        guard!(c, Some(dict) = module.dict.get(c.vm));
        guard!(c, dict.keys_version.get() == read_u32(c.ip, 1));
        guard!(c, Some(value) = dict.value_at(c.vm, read_u32(c.ip, 3) as usize).cloned());
        c.loaded_attr(value)
    }

    fn load_class(c) {
        guard!(c, Some(class) = c.item(1).and_then(|k| k.downcast_exact::<PyType>()));
        guard!(c, class.version.get() == read_u32(c.ip, 1));
        let value = borrowed(read_u64(c.ip, 5));
        c.loaded_attr(value)
    }

    fn load_method_with_values(c) {
        guard!(c, Some(header) = c.known_header());
        guard!(c, header.has_flag(ObjectFlags::INLINE_VALUES));
        c.loaded_method()
    }

    fn load_method_no_dict(c) {
        guard!(c, Some(object) = c.item(1));
        guard!(c, object.type_ref().version.get() == read_u32(c.ip, 1));
        c.loaded_method()
    }

    /// A method of an object whose attributes, if it has any, are in a dict.
    fn load_method_lazy_dict(c) {
        guard!(c, Some(header) = c.known_header());
        guard!(c, !header.has_flag(ObjectFlags::INLINE_VALUES));
        if let Some(dict) = instance::dict_word(c.vm, header) {
            let name: &Py<Str> = Py::ref_from_value_unchecked(&*(*c.frame).code.names.items().as_ptr().add(c.count() >> 1));
            guard!(c, dict.find_str(c.vm, name).is_none());
        }
        c.loaded_method()
    }

    /// The type's version vouches for the property, and the property, being a data descriptor, for there being nothing in front of it.
    fn load_property(c) {
        guard!(c, c.known_header().is_some());
        let word = read_u64(c.ip, 5) as *const u8;
        // The payload of the property stands behind its header.
        let property = &*word.add(size_of::<Header>()).cast::<Property>();
        guard!(c, Some(func) = property.fget.get(c.vm).as_ref().and_then(|f| f.downcast_exact::<Function>()));
        guard!(c, func.code.get(c.vm).is_sound() && specialize::call::is_simple(c.vm, func, 1));
        guard!(c, c.vm.eval.depth < c.vm.interp.recursion_limit.get());
        let func = func.clone();
        let base = c.at(1);
        let new = tri!(c, exact_frame(c.vm, func, base, 1));
        c.sp = base;
        (*c.frame).return_offset = 9;
        c.save();
        c.enter_frame(new)
    }

    /// A `__getattribute__` in Python, for which the type's version vouches.
    fn load_overridden(c) {
        guard!(c, c.known_header().is_some());
        let func = &*(read_u64(c.ip, 5) as *const u8).add(size_of::<Header>()).cast::<Function>();
        guard!(c, func.code.get(c.vm).is_sound() && specialize::call::is_simple(c.vm, func, 2));
        guard!(c, c.vm.eval.depth < c.vm.interp.recursion_limit.get());
        guard!(c, Some(name) = (*c.frame).code.name_at(c.count() >> 1));
        let base = c.at(1);
        // One more slot is always there; the frame takes the name out of it.
        c.sp.write(Some(name.to_value()));
        let func: Py<Function> = Py::from_value_unchecked(borrowed(read_u64(c.ip, 5)));
        let new = tri!(c, exact_frame(c.vm, func, base, 2));
        c.sp = base;
        (*c.frame).return_offset = 9;
        c.save();
        c.enter_frame(new)
    }

    fn load_class_with_metaclass_check(c) {
        guard!(c, Some(class) = c.item(1).and_then(|k| k.downcast::<PyType>()));
        guard!(c, class.version.get() == read_u32(c.ip, 1) && class.as_value().type_ref().version.get() == read_u32(c.ip, 3));
        let value = borrowed(read_u64(c.ip, 5));
        c.loaded_attr(value)
    }

    fn load_nondescriptor_with_values(c) {
        guard!(c, Some(header) = c.known_header());
        guard!(c, header.has_flag(ObjectFlags::INLINE_VALUES));
        let value = borrowed(read_u64(c.ip, 5));
        c.replace_top(value);
        c.skip(9);
        c.next()
    }

    fn load_nondescriptor_no_dict(c) {
        guard!(c, Some(object) = c.item(1));
        guard!(c, object.type_ref().version.get() == read_u32(c.ip, 1));
        let value = borrowed(read_u64(c.ip, 5));
        c.replace_top(value);
        c.skip(9);
        c.next()
    }

    fn load_super_attr(c) {
        if *c.ip == 0 {
            return c.general(op::LOAD_SUPER_ATTR);
        }
        *c.ip.cast_mut() -= 1;
        load_real_super(c.vm, c.frame, c.ip, c.sp, c.oparg, c.table)
    }

    /// LOAD_SUPER_ATTR_ATTR and LOAD_SUPER_ATTR_METHOD.
    fn load_known_super(c) {
        guard!(c, c.item(3).is_some_and(|s| s.is_same(Super::type_object(c.vm).as_value())));
        load_real_super(c.vm, c.frame, c.ip, c.sp, c.oparg, c.table)
    }

    fn load_real_super(c) {
        if c.word(1) == 0 || c.word(2) == 0 || c.word(3) == 0 {
            return c.general(op::LOAD_SUPER_ATTR);
        }
        let Some(name) = (*c.frame).code.name_at(c.count() >> 2) else { return c.general(op::LOAD_SUPER_ATTR) };
        c.save();
        if !super_attribute(c.vm, c.sp, name, c.oparg) {
            return c.raised();
        }
        c.sp = c.sp.sub(2).add((c.oparg & 1) as usize);
        c.skip(1);
        c.next_awake()
    }

    fn load_special(c) {
        if c.word(1) == 0 {
            return c.general(op::LOAD_SPECIAL);
        }
        c.save();
        if !special(c.vm, c.sp, c.oparg) {
            return c.raised();
        }
        c.sp = c.sp.add(1);
        c.next_awake()
    }

    fn store_instance_value(c) {
        guard!(c, Some(header) = c.known_header());
        guard!(c, header.has_flag(ObjectFlags::INLINE_VALUES));
        let place = *c.ip.add(3) as usize;
        let slot = std::ptr::from_ref(header).cast::<u8>().add((place >> 5) * 8).cast::<Slot>().cast_mut();
        if (*slot).is_none() {
            return store_first_value(c.vm, c.frame, c.ip, c.sp, c.oparg, c.table);
        }
        let (slot, value) = (slot.cast::<i64>(), c.word(2));
        guard!(c, value != 0);
        let (old, object) = (slot.read(), c.word(1));
        slot.write(value);
        c.sp = c.sp.sub(2);
        c.skip(4);
        c.next_without(old, object)
    }

    /// The guards of `store_instance_value` hold, but the value is not set yet.
    #[inline(never)]
    fn store_first_value(c) {
        let place = *c.ip.add(3) as usize;
        guard!(c, Some(object) = c.item(1));
        guard!(c, Some(value) = (*c.at(2)).take());
        // The flag says that there are inline values, so nothing comes back.
        let _ = attr::set_inline(c.vm, object, place & 31, value);
        let object = c.pop_slot();
        c.sp = c.sp.sub(1);
        c.discard(object);
        c.skip(4);
        c.next()
    }

    fn store_with_hint(c) {
        guard!(c, Some(header) = c.known_header());
        guard!(c, !header.has_flag(ObjectFlags::INLINE_VALUES));
        guard!(c, Some(dict) = instance::dict_word(c.vm, header));
        guard!(c, Some((key, _)) = dict.entry_at(c.vm, *c.ip.add(3) as usize));
        let name = (*c.frame).code.names.items().as_ptr().add(c.count());
        guard!(c, key.is_same(&*name));
        let dict: *const Dict = &raw const **dict;
        let (object, value) = (c.pop_slot(), c.pop());
        let old = (*dict).set_value_at(c.vm, *c.ip.add(3) as usize, value);
        c.discard(old);
        c.discard(object);
        c.skip(4);
        c.next()
    }

    fn store_slot(c) {
        guard!(c, Some(header) = c.known_header());
        let slot = std::ptr::from_ref(header).cast::<u8>().sub(*c.ip.add(3) as usize).cast::<Slot>().cast_mut();
        let (slot, object) = (slot.cast::<i64>(), c.word(1));
        let old = slot.read();
        slot.write(c.word(2));
        c.sp = c.sp.sub(2);
        c.skip(4);
        c.next_without(old, object)
    }
}

/// Puts an attribute of `super()` in place of the three topmost items, and behind it the object if it is to be passed; false if something was
/// raised.
#[inline(never)]
unsafe fn super_attribute(vm: &mut Vm, sp: *mut Slot, name: &Py<Str>, oparg: u32) -> bool {
    // SAFETY: the operands are values, as the caller has checked.
    unsafe {
        let (Some(global_super), Some(class), Some(zelf)) = (&*sp.sub(3), &*sp.sub(2), &*sp.sub(1)) else { return true };
        match find_super(vm, global_super, class, zelf, name, oparg) {
            Ok((value, object)) => {
                let old = (sp.sub(3).replace(Some(value)), sp.sub(2).replace(object), sp.sub(1).replace(None));
                drop(old);
                true
            }
            Err(e) => {
                vm.eval.set_raised(e);
                false
            }
        }
    }
}

/// Puts a special method in place of the topmost item, which goes above it if it is to be passed; false if something was raised.
#[inline(never)]
unsafe fn special(vm: &mut Vm, sp: *mut Slot, oparg: u32) -> bool {
    // SAFETY: there is room for one more item.
    unsafe {
        let owner = sp.sub(1).read().unwrap_or_else(Value::none);
        match find_special(vm, owner, oparg) {
            Ok((method, zelf)) => {
                sp.sub(1).write(Some(method));
                sp.write(zelf);
                true
            }
            Err(e) => {
                sp.sub(1).write(None);
                vm.eval.set_raised(e);
                false
            }
        }
    }
}

/// Puts a method's function in place of the topmost item, which goes above it, or an attribute and nothing above it; false if something was
/// raised. (A pair by reference would keep calls from becoming jumps.)
#[inline(never)]
unsafe fn method(vm: &mut Vm, sp: *mut Slot, name: &Py<Str>) -> bool {
    // SAFETY: there is room for one more item.
    unsafe {
        let Some(object) = &*sp.sub(1) else { return true };
        match load_method(vm, object, name) {
            Ok((value, zelf)) => {
                sp.write(zelf);
                drop(sp.sub(1).replace(Some(value)));
                true
            }
            Err(e) => {
                vm.eval.set_raised(e);
                false
            }
        }
    }
}

#[inline(never)]
fn attribute(vm: &mut Vm, object: &Value, name: &Py<Str>) -> PyResult {
    match plain_attribute(vm, object, name) {
        Some((value, false)) => Ok(value),
        Some((_, true)) | None => vm.getattr(object, name),
    }
}

impl Cx<'_> {
    /// The header of the topmost item, if its type is the one that the caches are about.
    #[inline(always)]
    unsafe fn known_header<'s>(&self) -> Option<&'s Header> {
        // SAFETY: the item stays on the stack while the header is looked at.
        unsafe {
            let header = self.item(1)?.header()?;
            (attr::type_version(header) == read_u32(self.ip, 1)).then_some(header)
        }
    }

    #[inline(always)]
    unsafe fn loaded_global(mut self, value: Value) -> Exit {
        // SAFETY: the verifier has checked the depth.
        unsafe {
            self.push(value);
            // One more slot is always there; it counts if the operand says so.
            self.sp.write(None);
            self.sp = self.sp.add((self.oparg & 1) as usize);
            self.skip(4);
            self.next()
        }
    }

    #[inline(always)]
    unsafe fn loaded_attr(mut self, value: Value) -> Exit {
        // SAFETY: the verifier has checked the depth.
        unsafe {
            let object = self.pop_word();
            self.push(value);
            // One more slot is always there; it counts if the operand says so.
            self.sp.write(None);
            self.sp = self.sp.add((self.oparg & 1) as usize);
            self.skip(9);
            self.next_without(object, 0)
        }
    }

    #[inline(always)]
    unsafe fn loaded_method(mut self) -> Exit {
        // SAFETY: the verifier has checked the depth; the type's version vouches for the method.
        unsafe {
            let zelf = self.pop_slot();
            self.push(borrowed(read_u64(self.ip, 5)));
            self.push_slot(zelf);
            self.skip(9);
            self.next()
        }
    }
}
