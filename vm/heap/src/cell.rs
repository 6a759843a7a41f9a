//! [`GilCell`]: interior mutability that the borrow checker polices through the GIL token.

use std::cell::UnsafeCell;

/// Proof that the GIL is held.
///
/// # Safety
/// At most one token exists per interpreter at a time that is not reborrowed from another, and a `&mut` token is what running Python code takes.
pub unsafe trait Gil {}

/// Contents that may only be looked at while no Python code can run, and changed while nobody looks.
///
/// ```compile_fail
/// fn held_across_a_call<G: krait_heap::Gil>(c: &krait_heap::GilCell<Vec<i32>>, vm: &mut G, call: fn(&mut G)) -> usize {
///     let items = c.get(vm);
///     call(vm);
///     items.len()
/// }
/// ```
#[derive(Default)]
#[repr(transparent)]
pub struct GilCell<T>(UnsafeCell<T>);

// SAFETY: only reachable with a token, that is by one thread at a time.
unsafe impl<T> Sync for GilCell<T> {}

impl<T> GilCell<T> {
    pub const fn new(value: T) -> GilCell<T> {
        GilCell(UnsafeCell::new(value))
    }

    /// Looks inside; no Python code can run while the reference lives.
    #[inline(always)]
    pub fn get<'a, G: Gil>(&'a self, _: &'a G) -> &'a T {
        // SAFETY: a `&mut T` needs a `&mut` token, which cannot exist beside `&G`.
        unsafe { &*self.0.get() }
    }

    /// Changes the inside.
    #[inline(always)]
    #[allow(clippy::mut_from_ref, reason = "the token is the unique borrow")]
    pub fn get_mut<'a, G: Gil>(&'a self, _: &'a mut G) -> &'a mut T {
        // SAFETY: the token is borrowed uniquely.
        unsafe { &mut *self.0.get() }
    }

    /// Puts `value` inside; the old contents are returned, so that they are dropped after the borrow has ended.
    #[inline]
    pub fn replace<G: Gil>(&self, vm: &mut G, value: T) -> T {
        std::mem::replace(self.get_mut(vm), value)
    }

    /// The contents, with unique access to the object.
    pub fn inner_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// For traversal and for the evaluator's inline caches.
    ///
    /// # Safety
    /// The GIL is held and no `&mut` to the contents exists.
    #[inline(always)]
    pub unsafe fn get_unguarded(&self) -> &T {
        // SAFETY: the caller's promise.
        unsafe { &*self.0.get() }
    }

    /// The raw pointer to the contents.
    #[inline(always)]
    pub fn as_ptr(&self) -> *mut T {
        self.0.get()
    }
}

impl<T: Clone> GilCell<T> {
    /// A clone of the contents.
    #[inline(always)]
    pub fn load<G: Gil>(&self, vm: &G) -> T {
        self.get(vm).clone()
    }
}
