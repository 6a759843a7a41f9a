//! Native types: their definition as `#[pyclass]` emits it, and how a definition becomes a type object.
//!
//! A native type is a static, immortal object. It is made ready when it is first needed: [`StaticType::ready`] fills in layout
//! and base, so that objects can be made, and [`crate::types::type_::finish`] gives it its dict, MRO and slots.
#![allow(unsafe_code, reason = "ties payloads to types and reads type objects through raw pointers")]

use crate::args::MethodDef;
use crate::types::slots::Slots;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm};
use krait_heap::{Header, Payload, PreHeader, TypeCore, TypeFlags, Visit};
use std::cell::Cell;

/// `tp_flags`, with CPython's numbers.
pub mod flags {
    pub const INLINE_VALUES: u64 = 1 << 2;
    pub const MANAGED_WEAKREF: u64 = 1 << 3;
    pub const MANAGED_DICT: u64 = 1 << 4;
    pub const SEQUENCE: u64 = 1 << 5;
    pub const MAPPING: u64 = 1 << 6;
    pub const DISALLOW_INSTANTIATION: u64 = 1 << 7;
    pub const IMMUTABLETYPE: u64 = 1 << 8;
    pub const HEAPTYPE: u64 = 1 << 9;
    pub const BASETYPE: u64 = 1 << 10;
    pub const READY: u64 = 1 << 12;
    pub const HAVE_VECTORCALL: u64 = 1 << 11;
    pub const HAVE_GC: u64 = 1 << 14;
    pub const METHOD_DESCRIPTOR: u64 = 1 << 17;
    pub const VALID_VERSION_TAG: u64 = 1 << 19;
    pub const IS_ABSTRACT: u64 = 1 << 20;
    pub const MATCH_SELF: u64 = 1 << 22;
    pub const LONG_SUBCLASS: u64 = 1 << 24;
    pub const LIST_SUBCLASS: u64 = 1 << 25;
    pub const TUPLE_SUBCLASS: u64 = 1 << 26;
    pub const BYTES_SUBCLASS: u64 = 1 << 27;
    pub const UNICODE_SUBCLASS: u64 = 1 << 28;
    pub const DICT_SUBCLASS: u64 = 1 << 29;
    pub const BASE_EXC_SUBCLASS: u64 = 1 << 30;
    pub const TYPE_SUBCLASS: u64 = 1 << 31;
    /// All the subclass bits, `MATCH_SELF`, `SEQUENCE` and `MAPPING`: what subtypes inherit.
    pub const INHERITED: u64 = 0xff << 24 | MATCH_SELF | SEQUENCE | MAPPING;
    /// The payload has its own `__dict__` handling and instances get no dict even when managed words are there.
    pub const NO_DICT: u64 = 1 << 40;
    /// Not of type objects but of definitions: the constructor and the methods that take raw arguments get keywords that are no strings, too,
    /// as functions of CPython do that take their keywords as a dict and look at them themselves.
    pub const ANY_KEYWORDS: u64 = 1 << 41;
    /// The type makes its objects as `object` does, as Python sees it: it has no `__new__` of its own, and `object.__new__` takes its classes.
    pub const GENERIC_NEW: u64 = 1 << 42;
}

/// Reads an attribute: descriptor's getter.
pub type GetFn = fn(&mut Vm, &Value) -> PyResult;
/// Writes, or deletes without a value.
pub type SetFn = fn(&mut Vm, &Value, Option<&Value>) -> PyResult<()>;

/// A computed attribute.
pub struct GetSetDef {
    pub name: &'static str,
    pub get: Option<GetFn>,
    pub set: Option<SetFn>,
    pub doc: Option<&'static str>,
    /// Whether CPython reads it straight from the object's memory, so that a `member_descriptor` shows it.
    pub member: bool,
}

/// A constant of the class, computed when the type is made.
pub struct ClassAttr {
    pub name: &'static str,
    pub value: fn(&mut Vm) -> PyResult,
}

/// What `#[pymethods]` provides.
pub trait PyMethods {
    const METHODS: &'static [&'static [MethodDef]] = &[];
    const GETSETS: &'static [&'static [GetSetDef]] = &[];
    const CLASS_ATTRS: &'static [&'static [ClassAttr]] = &[];
    /// Sets the native slots.
    fn set_slots(_: &Slots) {}
}

/// A payload with its static type; implemented by `#[pyclass]`.
pub trait PyClass: Payload {
    /// `__name__`.
    const NAME: &'static str;

    /// The type object.
    fn static_type() -> &'static StaticType;

    /// The type object as a value.
    #[inline(always)]
    fn type_object(vm: &Vm) -> &'static Py<PyType> {
        Self::static_type().get(vm)
    }

    /// `zelf` itself if it is of this type (a word, perhaps), or TypeError about the descriptor `name`.
    #[inline(always)]
    fn self_value<'a>(vm: &mut Vm, zelf: &'a Value, name: &str) -> PyResult<&'a Value> {
        if zelf.is::<Self>() { Ok(zelf) } else { Err(wrong_self(vm, name, Self::NAME, zelf)) }
    }

    /// `zelf` as this type, or TypeError about the descriptor `name`.
    #[inline(always)]
    fn self_arg<'a>(vm: &mut Vm, zelf: &'a Value, name: &str) -> PyResult<&'a Py<Self>> {
        match zelf.downcast::<Self>() {
            Some(py) => Ok(py),
            None => Err(wrong_self(vm, name, Self::NAME, zelf)),
        }
    }
}

#[cold]
fn wrong_self(vm: &mut Vm, name: &str, class: &str, zelf: &Value) -> crate::Raised {
    let got = zelf.type_name();
    vm.type_error(format!("descriptor '{name}' for '{class}' objects doesn't apply to a '{got}' object"))
}

/// All that is known of a native type at compile time.
pub struct ClassDef {
    /// Name with the module in front, except for builtins.
    pub tp_name: &'static str,
    pub doc: Option<&'static str>,
    pub text_signature: Option<&'static str>,
    pub base: Option<fn() -> &'static StaticType>,
    pub flags: u64,
    pub gc: bool,
    /// Instances have the dict and weakref words.
    pub managed: bool,
    /// Objects have a tail of their own (`str`, `tuple`, ...), so no inline values in subclasses.
    pub tail: bool,
    pub size: usize,
    pub drop: unsafe fn(*mut Header),
    pub traverse: unsafe fn(*const Header, &mut Visit<'_>),
    pub clear: unsafe fn(*mut Header, &mut Vec<Value>),
    pub methods: &'static [&'static [MethodDef]],
    pub getsets: &'static [&'static [GetSetDef]],
    pub class_attrs: &'static [&'static [ClassAttr]],
    pub set_slots: fn(&Slots),
}

/// A type object in static memory.
#[repr(C, align(16))]
pub struct StaticType {
    pre: PreHeader,
    header: Header,
    ty: PyType,
    def: &'static ClassDef,
    finished: Cell<bool>,
}

// SAFETY: changed only under the GIL.
unsafe impl Sync for StaticType {}

impl StaticType {
    pub const fn new(def: &'static ClassDef) -> StaticType {
        StaticType { pre: PreHeader::new(), header: Header::immortal(), ty: PyType::new(), def, finished: Cell::new(false) }
    }

    /// The address that headers of its objects hold.
    #[inline(always)]
    pub fn core_ptr(&'static self) -> *const TypeCore {
        &raw const self.ty.core
    }

    /// The definition.
    pub fn def(&self) -> &'static ClassDef {
        self.def
    }

    /// The type object, laid out but perhaps without its dict yet.
    #[inline(always)]
    pub fn get(&'static self, _: &Vm) -> &'static Py<PyType> {
        self.lay_out();
        self.as_py()
    }

    /// As a reference to its own object.
    #[inline(always)]
    fn as_py(&'static self) -> &'static Py<PyType> {
        // A reference word must live as long as the type: it is kept in the type itself.
        self.ty.own_reference()
    }

    /// The slots, perhaps not filled yet.
    pub fn slots(&self) -> &Slots {
        &self.ty.slots
    }

    /// Whether the dict and slots are there.
    pub fn is_finished(&self) -> bool {
        self.finished.get()
    }

    /// Called by [`crate::types::type_::finish`].
    pub(crate) fn set_finished(&self) {
        self.finished.set(true);
    }

    /// The type object with everything in place.
    pub fn ready(&'static self, vm: &mut Vm) -> PyResult<&'static Py<PyType>> {
        if !self.finished.get() {
            self.lay_out();
            crate::types::type_::finish(vm, self)?;
        }
        Ok(self.as_py())
    }

    /// Sets what allocation needs. Idempotent.
    #[inline(always)]
    pub(crate) fn lay_out(&'static self) {
        if self.ty.core.flags.get() & flags::READY == 0 {
            self.lay_out_now();
        }
    }

    #[cold]
    fn lay_out_now(&'static self) {
        let def = self.def;
        let core = &self.ty.core;
        // SAFETY: `type` is a static type like this one; its core is at a fixed address.
        unsafe { self.header.set_type(<PyType as PyClass>::static_type().core_ptr()) };
        let (mut gc, mut managed, mut bits) = (def.gc, def.managed, def.flags);
        let mut tail = def.tail;
        if let Some(base) = def.base {
            let base = base();
            base.lay_out();
            self.ty.base.set(&raw const base.ty);
            let inherited = base.ty.core.flags.get();
            gc |= inherited & TypeFlags::GC != 0;
            managed |= inherited & TypeFlags::MANAGED != 0;
            tail |= base.ty.has_tail.get();
            bits &= !flags::ANY_KEYWORDS;
            bits |= inherited & (flags::INHERITED | flags::NO_DICT | flags::MANAGED_DICT | flags::MANAGED_WEAKREF);
        }
        if def.managed && bits & (flags::MANAGED_DICT | flags::MANAGED_WEAKREF) == 0 {
            // Without a word about dicts, the managed words are there for weak references.
            bits |= flags::MANAGED_WEAKREF;
        }
        self.ty.has_tail.set(tail);
        self.ty.native.set(Some(def));
        let mut all = bits | flags::READY | flags::IMMUTABLETYPE;
        if gc {
            all |= TypeFlags::GC | flags::HAVE_GC;
        }
        if managed {
            all |= TypeFlags::MANAGED;
        }
        core.pre.set(if managed { 32 } else if gc { 16 } else { 0 });
        core.basicsize.set(u32::try_from(16 + def.size).unwrap_or(u32::MAX));
        if managed {
            core.drop.set(crate::types::instance::drop_managed);
            core.traverse.set(crate::types::instance::traverse_managed);
            core.clear.set(crate::types::instance::clear_managed);
        } else {
            core.drop.set(def.drop);
            core.traverse.set(def.traverse);
            core.clear.set(def.clear);
        }
        self.ty.set_own_reference(&self.header);
        core.flags.set(all);
    }
}

/// Whether the type at `ty` has the type at `base` among its native bases, that is: its objects begin with that one's payload.
pub fn has_base(ty: *const TypeCore, base: *const TypeCore) -> bool {
    let mut at = ty.cast::<PyType>();
    // SAFETY: a type keeps its bases alive; a type's payload begins with its core.
    while let Some(t) = unsafe { at.as_ref() } {
        if std::ptr::eq(&raw const t.core, base) {
            return true;
        }
        at = t.base.get();
    }
    false
}

/// # Safety
/// The object's payload is a `T` and is not used again.
pub unsafe fn drop_payload<T>(object: *mut Header) {
    // SAFETY: the payload stands behind the header.
    unsafe { std::ptr::drop_in_place(object.add(1).cast::<T>()) };
}

/// # Safety
/// The object's payload is a `T`; nothing inside is borrowed.
pub unsafe fn traverse_payload<T: krait_heap::Traverse>(object: *const Header, visit: &mut Visit<'_>) {
    // SAFETY: the payload stands behind the header.
    unsafe { (*object.add(1).cast::<T>()).traverse(visit) };
}

/// # Safety
/// The object's payload is a `T`; nothing inside is borrowed and nobody else uses the object.
pub unsafe fn clear_payload<T: krait_heap::Traverse>(object: *mut Header, out: &mut Vec<Value>) {
    // SAFETY: the payload stands behind the header.
    unsafe { (*object.add(1).cast::<T>()).clear(out) };
}
