//! The object header, the pre-header words and the part of a type that the heap itself reads.

use crate::traverse::Visit;
use crate::value::Value;
use std::cell::Cell;

/// A count with this bit is never written: the object lives as long as the process.
pub const IMMORTAL: u32 = 0x8000_0000;

/// Sixteen bytes in front of every payload.
#[repr(C, align(16))]
pub struct Header {
    pub(crate) refcnt: Cell<u32>,
    pub(crate) flags: Cell<u32>,
    pub(crate) ty: Cell<*const TypeCore>,
}

// SAFETY: headers of static objects are only touched under the GIL.
unsafe impl Sync for Header {}

/// Bits of [`Header::flags`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ObjectFlags(pub u32);

impl ObjectFlags {
    /// The finalizer has run; it never runs twice (PEP 442).
    pub const FINALIZED: u32 = 1;
    /// In the list that the collector is looking at.
    pub const COLLECTING: u32 = 2;
    /// Found reachable from outside during a collection.
    pub const REACHABLE: u32 = 4;
    /// The tail holds inline attribute values that are in use.
    pub const INLINE_VALUES: u32 = 8;
    /// The class of the block that holds the object; 0 if it does not come from a pool.
    pub(crate) const CLASS: u32 = 0x1f << Self::CLASS_SHIFT;
    pub(crate) const CLASS_SHIFT: u32 = 8;
    /// The first bit that the runtime may use as it likes.
    pub const RUNTIME: u32 = 1 << 16;
}

/// What stands before the header of objects whose type has links or managed words; read from the header backwards.
#[repr(C, align(16))]
pub struct PreHeader {
    /// `__dict__`, or null. Only with [`TypeFlags::MANAGED`].
    pub dict: Cell<Option<Value>>,
    /// Head of the weak references' list, or null. Only with [`TypeFlags::MANAGED`].
    pub weakrefs: Cell<*const Header>,
    pub(crate) gc_prev: Cell<*const Header>,
    pub(crate) gc_next: Cell<*const Header>,
}

impl PreHeader {
    /// For a static object.
    pub const fn new() -> PreHeader {
        PreHeader {
            dict: Cell::new(None),
            weakrefs: Cell::new(std::ptr::null()),
            gc_prev: Cell::new(std::ptr::null()),
            gc_next: Cell::new(std::ptr::null()),
        }
    }
}

impl Default for PreHeader {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: as for headers.
unsafe impl Sync for PreHeader {}

/// Bits of [`TypeCore::flags`] that the heap reads; the low 32 bits are CPython's `tp_flags`, these stand above.
pub struct TypeFlags;

impl TypeFlags {
    /// Objects have collector links.
    pub const GC: u64 = 1 << 32;
    /// Objects have the dict and weakref words.
    pub const MANAGED: u64 = 1 << 33;
    /// The type has a finalizer (`__del__` or a native one), to be run by the evaluator.
    pub const FINALIZER: u64 = 1 << 34;
    /// The type's objects have a tail of inline attribute values.
    pub const INLINE_VALUES: u64 = 1 << 35;
    /// The finalizer is one of before PEP 442, which must run while the object is whole: the collector does not break cycles of such objects.
    pub const LEGACY_FINALIZER: u64 = 1 << 36;
}

/// What the heap needs to know of a type. The runtime's type payload begins with it.
#[repr(C)]
pub struct TypeCore {
    /// See [`TypeFlags`].
    pub flags: Cell<u64>,
    /// Bytes in front of the header: a multiple of 16.
    pub pre: Cell<u32>,
    /// Bytes of header and payload, without tail.
    pub basicsize: Cell<u32>,
    /// `__slots__` values in the pre-header, in front of the managed words.
    pub slot_count: Cell<u32>,
    /// Drops the payload and what else belongs to the object, in place.
    pub drop: Cell<unsafe fn(*mut Header)>,
    /// Calls back for every value that the object owns, payload, slots, dict and inline values.
    pub traverse: Cell<unsafe fn(*const Header, &mut Visit<'_>)>,
    /// Moves out the values that can be part of a cycle.
    pub clear: Cell<unsafe fn(*mut Header, &mut Vec<Value>)>,
}

unsafe fn drop_nothing(_: *mut Header) {}
unsafe fn traverse_nothing(_: *const Header, _: &mut Visit<'_>) {}
unsafe fn clear_nothing(_: *mut Header, _: &mut Vec<Value>) {}

impl TypeCore {
    /// A core to be filled in by the runtime.
    pub const fn new() -> TypeCore {
        TypeCore {
            flags: Cell::new(0),
            pre: Cell::new(0),
            basicsize: Cell::new(16),
            slot_count: Cell::new(0),
            drop: Cell::new(drop_nothing),
            traverse: Cell::new(traverse_nothing),
            clear: Cell::new(clear_nothing),
        }
    }

    /// Whether all of `bits` are set.
    #[inline]
    pub fn has(&self, bits: u64) -> bool {
        self.flags.get() & bits == bits
    }
}

impl Default for TypeCore {
    fn default() -> Self {
        Self::new()
    }
}

impl Header {
    /// Header of a static, immortal object; its type is set when the process starts.
    pub const fn immortal() -> Header {
        Header { refcnt: Cell::new(IMMORTAL), flags: Cell::new(0), ty: Cell::new(std::ptr::null()) }
    }

    /// The type's core.
    #[inline(always)]
    pub fn type_core(&self) -> &TypeCore {
        // SAFETY: set at creation to a live type, which the object keeps alive (or which is immortal).
        unsafe { &*self.ty.get() }
    }

    /// Address of the type's core, for comparison.
    #[inline(always)]
    pub fn type_ptr(&self) -> *const TypeCore {
        self.ty.get()
    }

    /// # Safety
    /// `ty` is a live type with the same layout as the old one. Counts of types are the caller's matter.
    pub unsafe fn set_type(&self, ty: *const TypeCore) {
        self.ty.set(ty);
    }

    /// The current count; at least [`IMMORTAL`] for immortal objects.
    #[inline]
    pub fn refcnt(&self) -> u32 {
        self.refcnt.get()
    }

    /// Takes one reference away without doing what the last one's end asks for: the result tells whether it was the last, and
    /// [`finish`](crate::state::finish) has to be called.
    ///
    /// # Safety
    /// The caller owns a reference and does not use it again.
    #[inline(always)]
    pub unsafe fn decrement(&self) -> bool {
        let n = self.refcnt.get();
        if n & IMMORTAL != 0 {
            return false;
        }
        self.refcnt.set(n.wrapping_sub(1));
        n == 1
    }

    /// Counts the reference again that [`decrement`](Header::decrement) has found to be the last.
    #[inline(always)]
    pub fn take_back(&self) {
        self.refcnt.set(1);
    }

    /// Whether the object lives for ever.
    pub fn is_immortal(&self) -> bool {
        self.refcnt.get() >= IMMORTAL
    }

    /// Makes the object live for ever.
    pub fn make_immortal(&self) {
        self.refcnt.set(IMMORTAL);
    }

    #[inline]
    pub(crate) fn flags(&self) -> u32 {
        self.flags.get()
    }

    #[inline]
    pub fn has_flag(&self, bit: u32) -> bool {
        self.flags.get() & bit != 0
    }

    #[inline]
    pub fn set_flag(&self, bit: u32) {
        self.flags.set(self.flags.get() | bit);
    }

    #[inline]
    pub fn clear_flag(&self, bit: u32) {
        self.flags.set(self.flags.get() & !bit);
    }

    /// The pre-header, when the type has managed words. (A type with links alone may still have slots in front of them.)
    #[inline(always)]
    pub fn pre(&self) -> Option<&PreHeader> {
        if self.type_core().has(TypeFlags::MANAGED) {
            // SAFETY: with managed words the pre-header ends with a `PreHeader`.
            Some(unsafe { &*(std::ptr::from_ref(self).cast::<PreHeader>().sub(1)) })
        } else {
            None
        }
    }

    /// The collector's links, when the type has them. Objects that only have links and no managed words have a
    /// 16-byte pre-header, whose two words are the last two of a [`PreHeader`].
    #[inline]
    pub(crate) fn links(&self) -> Option<(&Cell<*const Header>, &Cell<*const Header>)> {
        if self.type_core().has(TypeFlags::GC) {
            let words = std::ptr::from_ref(self).cast::<Cell<*const Header>>();
            // SAFETY: a collected type has at least 16 bytes in front of the header.
            unsafe { Some((&*words.sub(2), &*words.sub(1))) }
        } else {
            None
        }
    }

    /// The `__slots__` value number `index`, counted from the managed words outwards.
    pub fn slot(&self, index: u32) -> Option<&Cell<Option<Value>>> {
        if index >= self.type_core().slot_count.get() {
            return None;
        }
        let managed = if self.type_core().has(TypeFlags::MANAGED) { 32 } else if self.type_core().has(TypeFlags::GC) { 16 } else { 0 };
        // SAFETY: the pre-header holds `slot_count` words in front of links and managed words.
        unsafe {
            let end = std::ptr::from_ref(self).cast::<u8>().sub(managed).cast::<Cell<Option<Value>>>();
            Some(&*end.sub(index as usize + 1))
        }
    }
}
