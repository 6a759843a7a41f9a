//! `type`: the payload of type objects, attribute look-up along the MRO with its cache, and how native types are finished.
//!
//! Making classes (`type.__new__`), the MRO computation and the slot table live in `typeobject/`.
#![allow(unsafe_code, reason = "types refer to their bases by raw pointer, and to themselves by an uncounted reference")]

use crate::types::class::{ClassDef, StaticType, flags};
use crate::types::dict::Dict;
use crate::types::instance::SharedKeys;
use crate::types::native::{ClassMethodDescr, GetSetDescr, MemberDescr, MethodDescr, new_builtin_method};
use crate::types::slots::Slots;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass};
use crate::args::MethodKind;
use krait_heap::{Clear, Header, Traverse, TypeCore, Visit};
use std::cell::Cell;
use std::mem::ManuallyDrop;

/// type(object) gives the class of an object; type(name, bases, dict, **kwds) makes a new class.
#[pyclass(name = "type", flags(BASETYPE, TYPE_SUBCLASS, NO_DICT), managed, custom_traverse)]
#[repr(C)]
pub struct PyType {
    /// What the heap reads; first, so that a header's type pointer leads here.
    pub core: TypeCore,
    pub slots: Slots,
    /// The base whose layout this type extends; null only for `object`.
    pub base: Cell<*const PyType>,
    /// The nearest native type's definition: whose payload the objects have.
    pub native: Cell<Option<&'static ClassDef>>,
    /// Objects have a tail of their own, so no inline values.
    pub has_tail: Cell<bool>,
    /// Stamp of the attributes that can be found through the type; 0 when it has changed since it was last stamped.
    pub version: Cell<u32>,
    /// How many stamps the type has had; at [`MOST_VERSIONS`] it gets no more.
    pub versions_used: Cell<u16>,
    /// Reference to the type itself, uncounted.
    own: Cell<u64>,
    /// `tp_name`: what errors call it.
    pub tp_name: GilCell<String>,
    pub name: GilCell<Option<Value>>,
    pub qualname: GilCell<Option<Value>>,
    pub bases: GilCell<Option<Py<Tuple>>>,
    pub mro: GilCell<Option<Py<Tuple>>>,
    pub dict: GilCell<Option<Py<Dict>>>,
    /// Addresses of the direct subclasses' headers; each takes itself out when it dies.
    pub subclasses: GilCell<Vec<usize>>,
    /// The names of inline attribute values of instances.
    pub shared_keys: GilCell<SharedKeys>,
    /// `(pre-header slot, name)` of `__slots__` of this class alone.
    pub own_slots: GilCell<Vec<(u32, Value)>>,
    /// What only `typeobject` looks at (`__abstractmethods__` state, module and the like live in the dict).
    pub watched: Cell<u32>,
    /// `__init__` as calls of the class that were specialised under the current version found it; not counted.
    pub init_cache: Cell<u64>,
    /// `__getitem__` in the same way.
    pub getitem_cache: Cell<u64>,
}

/// A class that changes more often than this is not worth caching (CPython's `MAX_VERSIONS_PER_CLASS`).
pub const MOST_VERSIONS: u16 = 1000;

/// Whether `cls.__new__` takes no keywords: it is the native type `base`, or has its `__init__`, which would not take them either.
pub fn keywords_refused(cls: &Py<PyType>, base: &Py<PyType>) -> bool {
    let same = match (cls.slots.init.get(), base.slots.init.get()) {
        (Some(a), Some(b)) => std::ptr::fn_addr_eq(a, b),
        (a, b) => a.is_none() && b.is_none(),
    };
    cls.is(base) || same
}

impl PyType {
    /// An empty type, to be filled in.
    pub const fn new() -> PyType {
        PyType {
            core: TypeCore::new(),
            slots: Slots::new(),
            base: Cell::new(std::ptr::null()),
            native: Cell::new(None),
            has_tail: Cell::new(false),
            version: Cell::new(0),
            versions_used: Cell::new(0),
            own: Cell::new(0),
            tp_name: GilCell::new(String::new()),
            name: GilCell::new(None),
            qualname: GilCell::new(None),
            bases: GilCell::new(None),
            mro: GilCell::new(None),
            dict: GilCell::new(None),
            subclasses: GilCell::new(Vec::new()),
            shared_keys: GilCell::new(SharedKeys::new()),
            own_slots: GilCell::new(Vec::new()),
            watched: Cell::new(0),
            init_cache: Cell::new(0),
            getitem_cache: Cell::new(0),
        }
    }

    /// The reference to the type itself.
    #[inline(always)]
    pub fn own_reference(&self) -> &Py<PyType> {
        // SAFETY: set to this object's own address when it was made; an uncounted reference that is only lent out.
        unsafe { &*self.own.as_ptr().cast::<Py<PyType>>() }
    }

    /// Called once when the type object exists.
    pub(crate) fn set_own_reference(&self, header: &Header) {
        self.own.set(std::ptr::from_ref(header) as u64);
    }

    /// `tp_name`.
    #[cold]
    pub fn tp_name(&self) -> String {
        // SAFETY: the GIL is held by whoever can reach a type; nobody keeps a `&mut` to the name.
        let name = unsafe { self.tp_name.get_unguarded() };
        if name.is_empty() { self.native.get().map_or_else(String::new, |d| d.tp_name.to_owned()) } else { name.clone() }
    }

    /// All of CPython's `Py_TPFLAGS_*` bits in `bits` set.
    #[inline(always)]
    pub fn has_flag(&self, bits: u64) -> bool {
        self.core.has(bits)
    }

    /// The base whose layout this type extends.
    pub fn base(&self) -> Option<&Py<PyType>> {
        // SAFETY: bases are kept alive by `bases`.
        unsafe { self.base.get().as_ref() }.map(PyType::own_reference)
    }

    /// Whether this is `other` or derived from it, by the MRO.
    pub fn is_subtype(&self, vm: &Vm, other: &Py<PyType>) -> bool {
        if std::ptr::eq(self, &raw const **other) {
            return true;
        }
        match self.mro.get(vm) {
            Some(mro) => mro.items().iter().any(|t| t.is_same(other.as_value())),
            None => crate::types::class::has_base(&raw const self.core, &raw const other.core),
        }
    }

    /// What look-up of `name` along the MRO finds (`_PyType_Lookup`): no descriptor is called, nothing can run.
    /// `name` is interned.
    pub fn lookup(&self, vm: &Vm, name: &Py<Str>) -> Option<Value> {
        vm.interp.method_cache.lookup(vm, self, name)
    }

    /// The same without the cache; also says which class had it.
    pub fn lookup_uncached<'a>(&'a self, vm: &'a Vm, name: &Py<Str>) -> Option<(&'a Py<PyType>, &'a Value)> {
        let mro = self.mro.get(vm).as_ref()?;
        mro.items().iter().find_map(|t| {
            let t = t.downcast::<PyType>()?;
            let value = t.dict.get(vm).as_ref()?.get_str(vm, name)?;
            Some((t, value))
        })
    }

    /// The version stamp, made anew if the type has changed; 0 when stamps have run out, or the type's own have.
    #[inline]
    pub fn version_tag(&self, vm: &Vm) -> u32 {
        match self.version.get() {
            0 => self.assign_version(vm),
            version => version,
        }
    }

    /// A type has a stamp only as long as all its bases have, so that one that has none need not be searched for subclasses that have.
    #[cold]
    fn assign_version(&self, vm: &Vm) -> u32 {
        if self.version.get() != 0 || self.versions_used.get() >= MOST_VERSIONS || vm.stack_remaining() < 16 << 10 {
            return self.version.get();
        }
        let stamped = match self.bases.get(vm) {
            Some(bases) => bases.items().iter().filter_map(|b| b.downcast::<PyType>()).all(|b| b.version_tag(vm) != 0),
            None => self.base().is_none_or(|b| b.version_tag(vm) != 0),
        };
        let next = vm.interp.next_type_version.get();
        if stamped && next != 0 {
            vm.interp.next_type_version.set(next.wrapping_add(1));
            self.set_version(next);
        }
        self.version.get()
    }

    /// Stamps the type, which counts.
    pub fn set_version(&self, version: u32) {
        self.version.set(version);
        if !self.has_flag(flags::IMMUTABLETYPE) {
            self.versions_used.set(self.versions_used.get().saturating_add(1));
        }
    }

    /// Gives a type that instances' names have been added to another stamp: what its subclasses find has not changed.
    pub fn renew_version(&self, vm: &Vm) {
        let next = vm.interp.next_type_version.get();
        match self.version.get() {
            0 => {}
            _ if next == 0 => self.modified(vm),
            _ => {
                vm.interp.next_type_version.set(next.wrapping_add(1));
                self.version.set(next);
            }
        }
    }

    /// From now on the type has no stamp: its MRO comes from a program, so that changes of what it finds need not come by.
    pub fn never_stamp(&self, vm: &Vm) {
        self.versions_used.set(MOST_VERSIONS);
        self.modified(vm);
    }

    /// The direct subclasses that are alive.
    pub fn direct_subclasses(&self, vm: &Vm) -> Vec<Py<PyType>> {
        let mut subs = Vec::new();
        for &address in self.subclasses.get(vm) {
            // SAFETY: subclasses take themselves out of the list before they die.
            let sub = unsafe { &*(address as *const Header).add(1).cast::<PyType>() };
            if sub.own_reference().header().refcnt() > 0 {
                subs.push(sub.own_reference().clone());
            }
        }
        subs
    }

    /// Must be called after any change to the dict, the bases or the MRO (`PyType_Modified`).
    pub fn modified(&self, _vm: &Vm) {
        self.take_back_version();
    }

    /// [`PyType::modified`] for the collector, which has no `Vm` but holds the GIL.
    fn take_back_version(&self) {
        if self.version.replace(0) == 0 {
            return;
        }
        // SAFETY: under the GIL; the list does not change while it is walked.
        for &address in unsafe { self.subclasses.get_unguarded() } {
            // SAFETY: subclasses take themselves out of the list before they die.
            let sub = unsafe { &*(address as *const Header).add(1).cast::<PyType>() };
            sub.take_back_version();
        }
    }
}

impl Default for PyType {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for PyType {
    fn drop(&mut self) {
        let header = self.own.get() as usize;
        // SAFETY: the bases are alive until the fields are dropped.
        let bases = unsafe { self.bases.get_unguarded() };
        for base in bases.iter().flat_map(|b| b.items()).filter_map(|b| b.downcast::<PyType>()) {
            // SAFETY: under the GIL; nobody holds a borrow while an object is freed but of that object's own contents.
            unsafe { (*base.subclasses.as_ptr()).retain(|&s| s != header) };
        }
    }
}

impl Traverse for PyType {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.name.traverse(visit);
        self.qualname.traverse(visit);
        self.bases.traverse(visit);
        self.mro.traverse(visit);
        self.dict.traverse(visit);
        self.shared_keys.traverse(visit);
    }
    fn clear(&mut self, out: &mut Clear) {
        // Caches must not find what is about to go.
        self.take_back_version();
        self.mro.clear(out);
        self.dict.clear(out);
    }
}

/// Global cache of look-ups along MROs, keyed by version stamp and name. It keeps nothing alive: what it holds is uncounted, and as long as
/// the stamp is that of a type the value is in a dict of the type's MRO. Stamps are given out once.
pub struct MethodCache {
    entries: GilCell<&'static mut [CacheEntry]>,
}

#[derive(Clone, Copy, Default)]
struct CacheEntry {
    version: u32,
    name: u64,
    /// The word of the value; 0 if there is none.
    value: u64,
}

const CACHE_SIZE: usize = 1 << 12;

impl Default for MethodCache {
    fn default() -> Self {
        // SAFETY: an entry of zeroes is one of no version.
        let entries = unsafe { krait_heap::zeroed_region(CACHE_SIZE) };
        MethodCache { entries: GilCell::new(entries.unwrap_or_default()) }
    }
}

impl MethodCache {
    #[inline]
    fn lookup(&self, vm: &Vm, ty: &PyType, name: &Py<Str>) -> Option<Value> {
        let version = ty.version_tag(vm);
        let bits = name.as_value().bits();
        let slot = (version as usize ^ (bits >> 4) as usize) & (CACHE_SIZE - 1);
        if let Some(entry) = self.entries.get(vm).get(slot)
            && version != 0 && entry.version == version && entry.name == bits {
                // SAFETY: the type has not changed since the entry was made, so the value is alive; the entry's own word stays uncounted.
                return (entry.value != 0).then(|| unsafe { Value::clone(&ManuallyDrop::new(Value::from_bits(entry.value))) });
            }
        self.fill(vm, ty, name, version, slot)
    }

    #[cold]
    fn fill(&self, vm: &Vm, ty: &PyType, name: &Py<Str>, version: u32, slot: usize) -> Option<Value> {
        let found = ty.lookup_uncached(vm, name).map(|(_, v)| v.clone());
        if version != 0 && name.is_interned() {
            // SAFETY: `&Vm` proves the GIL; no reference into the entries outlives `lookup`.
            let entries = unsafe { &mut *self.entries.as_ptr() };
            if let Some(entry) = entries.get_mut(slot) {
                *entry = CacheEntry { version, name: name.as_value().bits(), value: found.as_ref().map_or(0, Value::bits) };
            }
        }
        found
    }

    /// Forgets everything (`sys._clear_type_cache`).
    pub fn clear(&self, vm: &mut Vm) {
        self.entries.get_mut(vm).fill(CacheEntry::default());
    }
}

/// Gives a native type its dict, MRO and slots.
pub(crate) fn finish(vm: &mut Vm, st: &'static StaticType) -> PyResult<()> {
    let def = st.def();
    let ty = st.get(vm);
    if let Some(base) = def.base {
        base().ready(vm)?;
    }
    if st.is_finished() {
        return Ok(());
    }
    st.set_finished();
    (def.set_slots)(&ty.slots);
    let (module, name) = def.tp_name.rsplit_once('.').unwrap_or(("builtins", def.tp_name));
    let name = vm.intern(name).into_value();
    ty.name.replace(vm, Some(name.clone()));
    ty.qualname.replace(vm, Some(name));
    let bases: Vec<Value> = ty.base().map(|b| b.to_value()).into_iter().collect();
    let mut mro = vec![ty.to_value()];
    if let Some(base_mro) = ty.base().and_then(|b| b.mro.get(vm).clone()) {
        mro.extend_from_slice(base_mro.items());
    }
    if let Some(base) = ty.base().cloned() {
        let address = ty.header() as *const Header as usize;
        base.subclasses.get_mut(vm).push(address);
    }
    let bases = vm.new_tuple(bases)?;
    ty.bases.replace(vm, Some(bases));
    let mro = vm.new_tuple(mro)?;
    ty.mro.replace(vm, Some(mro));
    let dict = vm.new_dict()?;
    ty.dict.replace(vm, Some(dict.clone()));
    crate::types::typeobject::slotdefs::add_slot_wrappers(vm, ty, &dict)?;
    add_methods(vm, ty, def, &dict)?;
    crate::types::typeobject::slotdefs::inherit_slots(vm, ty, &dict)?;
    let own_dict = ty.has_flag(flags::MANAGED_DICT) && !ty.base().is_some_and(|b| b.has_flag(flags::MANAGED_DICT));
    if own_dict && dict.get_str(vm, n!(__dict__)).is_none() {
        let descr = vm.new_object(GetSetDescr::new(ty.clone(), &crate::types::typeobject::build::NATIVE_DICT))?;
        dict.set_str(vm, n!(__dict__), descr.into_value())?;
    }
    if dict.get_str(vm, n!(__doc__)).is_none() {
        let doc = match def.doc {
            Some(d) => vm.new_str(d)?.into_value(),
            None => Value::none(),
        };
        dict.set_str(vm, n!(__doc__), doc)?;
    }
    if module != "builtins" && dict.get_str(vm, n!(__module__)).is_none() {
        let module = vm.intern(module).into_value();
        dict.set_str(vm, n!(__module__), module)?;
    }
    // Look-ups may have been cached while the dict was being filled.
    ty.modified(vm);
    if ty.slots.del.get().is_some() {
        ty.core.flags.set(ty.core.flags.get() | krait_heap::TypeFlags::FINALIZER);
    }
    Ok(())
}

fn add_methods(vm: &mut Vm, ty: &'static Py<PyType>, def: &'static ClassDef, dict: &Py<Dict>) -> PyResult<()> {
    for method in def.methods.iter().copied().flatten() {
        let name = vm.intern(method.name);
        let value = match method.kind {
            MethodKind::Instance => vm.new_object(MethodDescr::new(ty.clone(), method))?.into_value(),
            MethodKind::Class => vm.new_object(ClassMethodDescr::new(ty.clone(), method))?.into_value(),
            MethodKind::Static => {
                let function = new_builtin_method(vm, method, ty.to_value(), None)?;
                crate::types::native::new_staticmethod(vm, function)?
            }
        };
        dict.set_str(vm, &name, value)?;
    }
    for getset in def.getsets.iter().copied().flatten() {
        let name = vm.intern(getset.name);
        let value = if getset.member {
            let doc = match getset.doc {
                Some(doc) => Some(vm.new_str(doc)?.into_value()),
                None => None,
            };
            vm.new_object(MemberDescr { owner: ty.clone(), name: name.clone(), index: u32::MAX, def: Some(getset), doc })?.into_value()
        } else {
            vm.new_object(GetSetDescr::new(ty.clone(), getset))?.into_value()
        };
        dict.set_str(vm, &name, value)?;
    }
    for attr in def.class_attrs.iter().copied().flatten() {
        let name = vm.intern(attr.name);
        let value = (attr.value)(vm)?;
        dict.set_str(vm, &name, value)?;
    }
    Ok(())
}
