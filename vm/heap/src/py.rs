//! [`Py<T>`]: a reference to an object whose payload is known.

use crate::header::{Header, TypeCore};
use crate::traverse::Traverse;
use crate::value::Value;
use std::marker::PhantomData;
use std::ops::Deref;

/// A Rust struct that stands behind an object header.
///
/// # Safety
/// `type_core` is the core of the type whose objects, and those of its subtypes, begin with this payload; its alignment is at most 16.
pub unsafe trait Payload: Traverse + Sized + 'static {
    /// The native type.
    fn type_core() -> *const TypeCore;
    /// Whether objects of the type `ty` begin with this payload. `ty` differs from [`Payload::type_core`].
    fn is_subtype(ty: *const TypeCore) -> bool;
}

/// A counted reference to an object with payload `T`; dereferences to the payload.
#[repr(transparent)]
pub struct Py<T>(Value, PhantomData<T>);

impl<T: Payload> Py<T> {
    /// # Safety
    /// `value` is a pointer to an object that begins with a `T`.
    #[inline(always)]
    pub unsafe fn from_value_unchecked(value: Value) -> Py<T> {
        Py(value, PhantomData)
    }

    /// # Safety
    /// As for [`Py::from_value_unchecked`].
    #[inline(always)]
    pub unsafe fn ref_from_value_unchecked(value: &Value) -> &Py<T> {
        // SAFETY: `Py` is a transparent wrapper of `Value`.
        unsafe { &*std::ptr::from_ref(value).cast() }
    }

    /// The untyped reference.
    #[inline(always)]
    pub fn as_value(&self) -> &Value {
        &self.0
    }

    /// The untyped reference, given away.
    #[inline(always)]
    pub fn into_value(self) -> Value {
        self.0
    }

    /// A new untyped reference.
    #[inline(always)]
    pub fn to_value(&self) -> Value {
        self.0.clone()
    }

    /// The header.
    #[inline(always)]
    pub fn header(&self) -> &Header {
        // SAFETY: a `Py` is always a pointer to a live object.
        unsafe { &*(self.0.bits() as *const Header) }
    }

    /// `is`.
    #[inline(always)]
    pub fn is(&self, other: &Py<T>) -> bool {
        self.0.is_same(&other.0)
    }

    /// Whether the object is exactly of the native type, not of a subtype.
    #[inline(always)]
    pub fn is_exact(&self) -> bool {
        self.header().type_ptr() == T::type_core()
    }

    /// The first byte behind the payload.
    #[inline(always)]
    pub fn tail_ptr<U>(&self) -> *mut U {
        // SAFETY: within the object's allocation.
        unsafe { (self.0.bits() as *mut u8).add(16 + size_of::<T>()).cast() }
    }
}

impl<T> Clone for Py<T> {
    #[inline(always)]
    fn clone(&self) -> Py<T> {
        Py(self.0.clone(), PhantomData)
    }
}

impl<T: Payload> Deref for Py<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the payload stands right behind the header.
        unsafe { &*(self.0.bits() as *const u8).add(16).cast() }
    }
}

impl<T: Payload> From<Py<T>> for Value {
    #[inline(always)]
    fn from(py: Py<T>) -> Value {
        py.0
    }
}

impl<T> std::fmt::Debug for Py<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Value {
    /// A typed view, if the object is of the type `T` or a subtype.
    #[inline(always)]
    pub fn downcast<T: Payload>(&self) -> Option<&Py<T>> {
        let ty = self.header()?.type_ptr();
        if ty == T::type_core() || T::is_subtype(ty) {
            // SAFETY: just checked.
            Some(unsafe { Py::ref_from_value_unchecked(self) })
        } else {
            None
        }
    }

    /// A typed view, if the object is exactly of the native type `T`.
    #[inline(always)]
    pub fn downcast_exact<T: Payload>(&self) -> Option<&Py<T>> {
        if self.header()?.type_ptr() == T::type_core() {
            // SAFETY: just checked.
            Some(unsafe { Py::ref_from_value_unchecked(self) })
        } else {
            None
        }
    }

    /// [`Value::downcast`] that gives the reference away.
    #[inline]
    pub fn into_py<T: Payload>(self) -> Result<Py<T>, Value> {
        if self.downcast::<T>().is_some() {
            // SAFETY: just checked.
            Ok(unsafe { Py::from_value_unchecked(self) })
        } else {
            Err(self)
        }
    }
}
