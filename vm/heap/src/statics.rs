//! The singletons. Their types are set, and the payloads of the two bools written, when the process starts.

use crate::header::Header;
use crate::value::Value;
use std::cell::UnsafeCell;

/// A static object with room for a small payload.
#[repr(C, align(16))]
pub struct Singleton {
    header: Header,
    payload: UnsafeCell<[u64; 6]>,
}

// SAFETY: written once before use, under the GIL.
unsafe impl Sync for Singleton {}

impl Singleton {
    const fn new() -> Singleton {
        Singleton { header: Header::immortal(), payload: UnsafeCell::new([0; 6]) }
    }

    /// The header.
    #[inline(always)]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Where the payload stands.
    pub fn payload_ptr(&self) -> *mut u8 {
        self.payload.get().cast()
    }

    #[inline(always)]
    fn value(&self) -> Value {
        // SAFETY: immortal, so no count is needed.
        unsafe { Value::from_ptr(&raw const self.header) }
    }
}

pub static NONE: Singleton = Singleton::new();
pub static TRUE: Singleton = Singleton::new();
pub static FALSE: Singleton = Singleton::new();
pub static ELLIPSIS: Singleton = Singleton::new();
pub static NOT_IMPLEMENTED: Singleton = Singleton::new();

impl Value {
    /// `None`.
    #[inline(always)]
    pub fn none() -> Value {
        NONE.value()
    }

    /// `...`.
    #[inline(always)]
    pub fn ellipsis() -> Value {
        ELLIPSIS.value()
    }

    /// `NotImplemented`.
    #[inline(always)]
    pub fn not_implemented() -> Value {
        NOT_IMPLEMENTED.value()
    }

    /// `True` or `False`.
    #[inline(always)]
    pub fn from_bool(b: bool) -> Value {
        if b { TRUE.value() } else { FALSE.value() }
    }

    #[inline(always)]
    pub fn is_none(&self) -> bool {
        self.is_ptr_to(&raw const NONE.header)
    }

    #[inline(always)]
    pub fn is_true(&self) -> bool {
        self.is_ptr_to(&raw const TRUE.header)
    }

    #[inline(always)]
    pub fn is_false(&self) -> bool {
        self.is_ptr_to(&raw const FALSE.header)
    }

    #[inline(always)]
    pub fn is_ellipsis(&self) -> bool {
        self.is_ptr_to(&raw const ELLIPSIS.header)
    }

    #[inline(always)]
    pub fn is_not_implemented(&self) -> bool {
        self.is_ptr_to(&raw const NOT_IMPLEMENTED.header)
    }
}
