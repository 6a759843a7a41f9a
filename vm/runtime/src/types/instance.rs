//! Attribute storage of instances: inline values under shared keys, the `__dict__` word, and `__slots__`.
//!
//! An instance of a class with [`TypeFlags::INLINE_VALUES`] keeps its first attributes in its own tail, at the index that the class's
//! [`SharedKeys`] give the name. When `__dict__` is asked for, when a name does not fit, or when an attribute is deleted, the values move
//! into a dict in the pre-header word and the flag [`ObjectFlags::INLINE_VALUES`] goes off for that object.
#![allow(unsafe_code, reason = "reads and writes the tails and pre-headers of objects")]

use crate::types::dict::Dict;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm};
use krait_heap::{Clear, Header, ObjectFlags, Traverse, TypeFlags, Visit};

/// At most so many attributes are kept inline (CPython's `SHARED_KEYS_MAX_SIZE`).
pub const MAX_KEYS: usize = 30;

/// The names of inline values, in the order in which they got their index.
pub struct SharedKeys {
    names: Vec<Py<Str>>,
}

impl SharedKeys {
    pub const fn new() -> SharedKeys {
        SharedKeys { names: Vec::new() }
    }

    /// The index of an interned name.
    #[inline]
    pub fn index_of(&self, name: &Py<Str>) -> Option<usize> {
        self.names.iter().position(|n| n.is(name))
    }

    /// The names.
    pub fn names(&self) -> &[Py<Str>] {
        &self.names
    }
}

impl Default for SharedKeys {
    fn default() -> Self {
        Self::new()
    }
}

impl Traverse for SharedKeys {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.names.traverse(visit);
    }
    fn clear(&mut self, _: &mut Clear) {}
}

/// The tail: how many values are set, the order in which they were, and the values.
#[repr(C)]
pub struct InlineValues {
    len: u8,
    capacity: u8,
    order: [u8; MAX_KEYS],
    values: [Option<Value>; 0],
}

/// Bytes that `capacity` inline values take.
pub fn inline_size(capacity: usize) -> usize {
    size_of::<InlineValues>() + capacity * size_of::<Value>()
}

impl InlineValues {
    /// The values, by index of the shared keys.
    #[inline(always)]
    pub fn values(&self) -> &[Option<Value>] {
        // SAFETY: the tail holds `capacity` values, zeroed (none) from the start.
        unsafe { std::slice::from_raw_parts(self.values.as_ptr(), self.capacity as usize) }
    }

    #[inline(always)]
    fn values_mut(&mut self) -> &mut [Option<Value>] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.values.as_mut_ptr(), self.capacity as usize) }
    }

    /// Sets the value at `index`; gives back the old one, or the new one if there is no such index.
    #[inline(always)]
    pub fn set(&mut self, index: usize, value: Value) -> Option<Value> {
        match self.values_mut().get_mut(index) {
            Some(slot) => {
                let old = slot.replace(value);
                if old.is_none() {
                    let len = self.len as usize;
                    if let Some(order) = self.order.get_mut(len) {
                        *order = index as u8;
                        self.len += 1;
                    }
                }
                old
            }
            None => Some(value),
        }
    }

    /// Takes the value at `index` out.
    fn remove(&mut self, index: usize) -> Option<Value> {
        let old = self.values_mut().get_mut(index)?.take()?;
        let order = self.order.get_mut(..self.len as usize)?;
        if let Some(at) = order.iter().position(|&i| usize::from(i) == index) {
            order.copy_within(at + 1.., at);
            self.len -= 1;
        }
        Some(old)
    }
}

/// Gives the instances of a class that has none yet room for inline values of these names, at these indexes.
pub fn reserve_inline(vm: &mut Vm, class: &Py<PyType>, names: Vec<Py<Str>>) {
    if !class.core.has(TypeFlags::INLINE_VALUES) {
        return;
    }
    let native = class.native.get().map_or(0, |d| d.size.next_multiple_of(8));
    let capacity = names.len().clamp(4, MAX_KEYS);
    class.core.basicsize.set((16 + native + inline_size(capacity)) as u32);
    let old = std::mem::replace(&mut class.shared_keys.get_mut(vm).names, names);
    drop(old);
}

/// The inline values of `object`, if it has any in use.
#[inline(always)]
pub fn inline_values<'a>(_: &'a Vm, object: &'a Header) -> Option<&'a InlineValues> {
    if !object.has_flag(ObjectFlags::INLINE_VALUES) {
        return None;
    }
    // SAFETY: the flag says that the tail holds inline values.
    Some(unsafe { &*tail(object) })
}

/// To change the inline values of `object`.
#[inline(always)]
#[allow(clippy::mut_from_ref, reason = "the token is the unique borrow")]
pub fn inline_values_mut<'a>(_: &'a mut Vm, object: &'a Header) -> Option<&'a mut InlineValues> {
    if !object.has_flag(ObjectFlags::INLINE_VALUES) {
        return None;
    }
    // SAFETY: as above, with the token borrowed uniquely.
    Some(unsafe { &mut *tail(object) })
}

/// Inline values stand at the end of the object, whose class knows how many there are.
fn tail(object: &Header) -> *mut InlineValues {
    let core = object.type_core();
    // SAFETY: a type with inline values is a `PyType`, and its basic size includes them.
    unsafe {
        let ty = &*std::ptr::from_ref(core).cast::<PyType>();
        let native = ty.native.get().map_or(0, |d| d.size.next_multiple_of(8));
        std::ptr::from_ref(object).cast::<u8>().add(16 + native).cast_mut().cast()
    }
}

/// Called by allocation of instances: tells the tail its capacity.
pub fn init_inline(object: &Header) {
    if object.has_flag(ObjectFlags::INLINE_VALUES) {
        let core = object.type_core();
        // SAFETY: as in `tail`; the object is new.
        unsafe {
            let ty = &*std::ptr::from_ref(core).cast::<PyType>();
            let native = ty.native.get().map_or(0, |d| d.size.next_multiple_of(8));
            let bytes = (core.basicsize.get() as usize).saturating_sub(16 + native + size_of::<InlineValues>());
            (*tail(object)).capacity = (bytes / size_of::<Value>()).min(MAX_KEYS) as u8;
        }
    }
}

/// The attribute `name` of the object itself, from inline values or dict. `name` is interned.
#[inline]
pub fn get<'a>(vm: &'a Vm, object: &'a Header, name: &Py<Str>) -> Option<&'a Value> {
    if let Some(inline) = inline_values(vm, object) {
        let index = type_of(object).shared_keys.get(vm).index_of(name)?;
        return inline.values().get(index)?.as_ref();
    }
    dict_word(vm, object)?.get_str(vm, name)
}

fn type_of(object: &Header) -> &PyType {
    // SAFETY: type cores are the beginning of a `PyType`.
    unsafe { &*std::ptr::from_ref(object.type_core()).cast::<PyType>() }
}

/// The dict in the pre-header word, if there is one already.
pub fn dict_word<'a>(_: &'a Vm, object: &'a Header) -> Option<&'a Py<Dict>> {
    if !object.type_core().has(TypeFlags::MANAGED) {
        return None;
    }
    let word = object.pre()?.dict.as_ptr();
    // SAFETY: `&Vm` is held: nobody changes the word while the reference lives. The word only ever holds dicts.
    unsafe { (*word).as_ref().map(|v| Py::ref_from_value_unchecked(v)) }
}

/// Whether the object's class gives its instances a `__dict__`.
pub fn has_dict(object: &Header) -> bool {
    object.type_core().has(crate::types::class::flags::MANAGED_DICT)
}

/// Sets the attribute `name` of the object itself; `name` is interned. False if the object has no room for attributes.
pub fn set(vm: &mut Vm, object: &Value, name: &Py<Str>, value: Value) -> PyResult<bool> {
    let Some(header) = object.header() else { return Ok(false) };
    if !has_dict(header) {
        return Ok(false);
    }
    if header.has_flag(ObjectFlags::INLINE_VALUES) {
        let ty = type_of(header);
        let index = match ty.shared_keys.get(vm).index_of(name) {
            Some(i) => i,
            None => {
                let keys = ty.shared_keys.get_mut(vm);
                keys.names.push(name.clone());
                let index = keys.names.len() - 1;
                // Whoever has cached that instances have no such attribute has to look again.
                ty.renew_version(vm);
                index
            }
        };
        let fits = inline_values(vm, header).is_some_and(|v| index < v.values().len());
        if fits && index < MAX_KEYS {
            let old = inline_values_mut(vm, header).and_then(|v| v.set(index, value));
            drop(old);
            return Ok(true);
        }
        if index >= MAX_KEYS {
            ty.shared_keys.get_mut(vm).names.truncate(MAX_KEYS);
        }
    }
    let dict = materialize(vm, object)?;
    dict.set_str(vm, name, value)?;
    Ok(true)
}

/// Deletes the attribute `name` of the object itself. False if there is none.
pub fn delete(vm: &mut Vm, object: &Value, name: &Py<Str>) -> PyResult<bool> {
    let Some(header) = object.header() else { return Ok(false) };
    if !has_dict(header) || get(vm, header, name).is_none() {
        return Ok(false);
    }
    if header.has_flag(ObjectFlags::INLINE_VALUES) {
        let index = type_of(header).shared_keys.get(vm).index_of(name);
        let old = index.and_then(|index| inline_values_mut(vm, header)?.remove(index));
        return Ok(old.is_some());
    }
    let dict = materialize(vm, object)?;
    Ok(dict.remove_str(vm, name).is_some())
}

/// The object's `__dict__`, made if it is not there. Inline values move into it.
pub fn materialize(vm: &mut Vm, object: &Value) -> PyResult<Py<Dict>> {
    let Some(header) = object.header() else { return Err(vm.type_error("object has no __dict__")) };
    if let Some(dict) = dict_word(vm, header) {
        return Ok(dict.clone());
    }
    let dict = vm.new_dict()?;
    if let Some(inline) = inline_values(vm, header) {
        let names = type_of(header).shared_keys.get(vm).names();
        let order = inline.order.iter().take(inline.len as usize);
        let pairs: Vec<(Py<Str>, Value)> = order
            .filter_map(|&i| Some((names.get(i as usize)?.clone(), inline.values().get(i as usize)?.clone()?)))
            .collect();
        for (name, value) in pairs {
            dict.set_str(vm, &name, value)?;
        }
        drop_inline(header);
    }
    if let Some(pre) = header.pre() {
        pre.dict.set(Some(dict.to_value()));
    }
    Ok(dict)
}

/// Moves the attributes of an object whose dict nobody else holds back into its tail, where they are found faster. False if they stay.
pub fn dematerialize(vm: &mut Vm, object: &Header) -> bool {
    let ty = type_of(object);
    if object.has_flag(ObjectFlags::INLINE_VALUES) || !ty.core.has(TypeFlags::INLINE_VALUES) {
        return false;
    }
    let Some(dict) = dict_word(vm, object).filter(|d| d.header().refcnt() == 1 && d.is_exact()) else { return false };
    // SAFETY: objects of the class have a tail from the start, in use or not, and it knows its capacity.
    let capacity = unsafe { (*tail(object)).values().len() }.min(MAX_KEYS);
    let keys = ty.shared_keys.get(vm);
    let place = |name: &Value| keys.index_of(name.downcast_exact::<Str>()?).filter(|i| *i < capacity);
    let found: Option<Vec<(usize, Value)>> = dict.iter(vm).map(|(name, value)| Some((place(name)?, value.clone()))).collect();
    let (Some(found), Some(pre)) = (found, object.pre()) else { return false };
    let dict = pre.dict.take();
    object.set_flag(ObjectFlags::INLINE_VALUES);
    if let Some(inline) = inline_values_mut(vm, object) {
        for (index, value) in found {
            let old = inline.set(index, value);
            drop(old);
        }
    }
    drop(dict);
    true
}

/// Replaces `__dict__` (none: a new empty one is made when asked for).
pub fn replace_dict(vm: &mut Vm, object: &Value, dict: Option<Py<Dict>>) -> PyResult<()> {
    let Some(header) = object.header() else { return Ok(()) };
    materialize(vm, object)?;
    if let Some(pre) = header.pre() {
        let old = pre.dict.replace(dict.map(Py::into_value));
        drop(old);
    }
    Ok(())
}

/// Drops the inline values and puts them out of use.
fn drop_inline(object: &Header) {
    if object.has_flag(ObjectFlags::INLINE_VALUES) {
        object.clear_flag(ObjectFlags::INLINE_VALUES);
        // SAFETY: the flag said that they are there; it is off now, so they are dropped once.
        unsafe {
            let inline = &mut *tail(object);
            inline.len = 0;
            for slot in inline.values_mut() {
                drop(slot.take());
            }
        }
    }
}

/// Drops an object of a type with managed words: payload, slots, inline values, dict, type.
///
/// # Safety
/// As for [`krait_heap::TypeCore::drop`].
pub unsafe fn drop_managed(object: *mut Header) {
    // SAFETY: the caller's promise; each part is dropped once.
    unsafe {
        let header = &*object;
        drop_inline(header);
        let ty = type_of(header);
        for i in 0..ty.core.slot_count.get() {
            if let Some(slot) = header.slot(i) {
                drop(slot.take());
            }
        }
        if ty.core.has(TypeFlags::MANAGED)
            && let Some(pre) = header.pre() {
                drop(pre.dict.take());
            }
        if let Some(def) = ty.native.get() {
            (def.drop)(object);
        }
        if ty.core.has(crate::types::class::flags::HEAPTYPE) {
            // The reference that the object held on its class.
            drop(Value::from_ptr(ty.own_reference().header()));
        }
    }
}

/// Traverses an object of a type with managed words.
///
/// # Safety
/// As for [`krait_heap::TypeCore::traverse`].
pub unsafe fn traverse_managed(object: *const Header, visit: &mut Visit<'_>) {
    // SAFETY: the caller's promise: nothing inside is borrowed.
    unsafe {
        let header = &*object;
        let ty = type_of(header);
        if header.has_flag(ObjectFlags::INLINE_VALUES) {
            (*tail(header)).values().iter().flatten().for_each(&mut *visit);
        }
        for i in 0..ty.core.slot_count.get() {
            if let Some(value) = header.slot(i).and_then(|s| (*s.as_ptr()).as_ref()) {
                visit(value);
            }
        }
        if ty.core.has(TypeFlags::MANAGED)
            && let Some(value) = header.pre().and_then(|p| (*p.dict.as_ptr()).as_ref()) {
                visit(value);
            }
        if let Some(def) = ty.native.get() {
            (def.traverse)(object, visit);
        }
        if ty.core.has(crate::types::class::flags::HEAPTYPE) {
            visit(ty.own_reference().as_value());
        }
    }
}

/// Clears an object of a type with managed words.
///
/// # Safety
/// As for [`krait_heap::TypeCore::clear`].
pub unsafe fn clear_managed(object: *mut Header, out: &mut Vec<Value>) {
    // SAFETY: the caller's promise: unreachable, so nobody else looks inside.
    unsafe {
        let header = &*object;
        let ty = type_of(header);
        if header.has_flag(ObjectFlags::INLINE_VALUES) {
            for slot in (*tail(header)).values_mut() {
                out.extend(slot.take());
            }
        }
        for i in 0..ty.core.slot_count.get() {
            out.extend(header.slot(i).and_then(std::cell::Cell::take));
        }
        if ty.core.has(TypeFlags::MANAGED) {
            out.extend(header.pre().and_then(|p| p.dict.take()));
        }
        if let Some(def) = ty.native.get() {
            (def.clear)(object, out);
        }
    }
}

/// The type of `object`, as a counted reference.
pub fn type_value(object: &Value) -> Value {
    object.ty().to_value()
}
