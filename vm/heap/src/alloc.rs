//! Allocation of objects. Every allocation is fallible; the runtime raises MemoryError.

use crate::header::{Header, ObjectFlags, TypeCore, TypeFlags};
use crate::py::{Payload, Py};
use crate::state;
use crate::value::Value;
use std::cell::Cell;

/// The allocator has no more memory, or the limit has been reached.
#[derive(Clone, Copy, Debug)]
pub struct AllocError;

/// `size` bytes, 16-byte aligned, or null.
pub fn raw_alloc(size: usize) -> *mut u8 {
    if size > isize::MAX as usize {
        return std::ptr::null_mut();
    }
    // SAFETY: any size may be asked for; blocks of 16 bytes and more are 16-byte aligned.
    unsafe { libmimalloc_sys::mi_malloc(size.max(16)).cast() }
}

/// # Safety
/// `ptr` comes from [`raw_alloc`] and is not used again.
pub unsafe fn raw_free(ptr: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { libmimalloc_sys::mi_free(ptr.cast()) }
}

/// A new object of type `ty` (`T`'s type or a subtype) without a tail beyond the type's own inline values.
///
/// # Safety
/// Objects of `ty` begin with a `T`. The caller has counted `ty` once for the new object if it is not immortal.
#[inline]
pub unsafe fn alloc<T: Payload>(ty: *const TypeCore, payload: T) -> Result<Py<T>, AllocError> {
    // SAFETY: passed on.
    unsafe { alloc_tail(ty, payload, 0) }
}

/// A new object with `tail` bytes behind the payload, uninitialised.
///
/// # Safety
/// As for [`alloc`]; the caller initialises the tail before anything can look at it.
#[inline]
pub unsafe fn alloc_tail<T: Payload>(ty: *const TypeCore, payload: T, tail: usize) -> Result<Py<T>, AllocError> {
    // SAFETY: `ty` is a live type.
    let core = unsafe { &*ty };
    let pre = core.pre.get() as usize;
    let size = (pre + core.basicsize.get() as usize).checked_add(tail).ok_or(AllocError)?;
    let base = raw_alloc(size);
    if base.is_null() {
        return Err(AllocError);
    }
    // SAFETY: the block has room for pre-header, header and payload; the pre-header of null words is valid.
    unsafe {
        std::ptr::write_bytes(base, 0, pre);
        let header = base.add(pre).cast::<Header>();
        header.write(Header { refcnt: Cell::new(1), flags: Cell::new(0), ty: Cell::new(ty) });
        header.add(1).cast::<T>().write(payload);
        if core.has(TypeFlags::INLINE_VALUES) {
            // The tail of inline values begins as zeroes: no value set.
            let start = base.add(pre + 16 + size_of::<T>());
            let end = base.add(size);
            std::ptr::write_bytes(start, 0, end.offset_from(start).max(0) as usize);
            (*header).set_flag(ObjectFlags::INLINE_VALUES);
        }
        if core.has(TypeFlags::GC) {
            state::track(&*header);
        }
        Ok(Py::from_value_unchecked(Value::from_ptr(header)))
    }
}

/// Gives back the memory of an object whose contents have been dropped.
///
/// # Safety
/// Nothing refers to the object any more.
pub(crate) unsafe fn free_object(header: *mut Header, pre: usize) {
    // SAFETY: objects are allocated with their pre-header in front.
    unsafe { raw_free(header.cast::<u8>().sub(pre)) }
}
