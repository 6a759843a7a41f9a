//! Memory of whole pages straight from the system, for tables that are as old as the interpreter.
//!
//! The allocator would give each of them large pages of its own, which the system clears whole before a single word is used: that was a fifth
//! of the time that starting took. Here just the pages of the table are made, all at once where the system can.

#[cfg(target_os = "linux")]
const POPULATE: libc::c_int = libc::MAP_POPULATE;
#[cfg(not(target_os = "linux"))]
const POPULATE: libc::c_int = 0;

/// `len` values whose bytes are all zero, for as long as the process lives; none if there is no memory.
///
/// # Safety
/// All bytes zero is a `T`, and a `T` is not aligned to more than a page.
pub unsafe fn zeroed_region<T>(len: usize) -> Option<&'static mut [T]> {
    let bytes = len.checked_mul(size_of::<T>()).filter(|bytes| *bytes > 0 && isize::try_from(*bytes).is_ok())?;
    // SAFETY: a new mapping, which nobody else knows and nothing ever takes away; its bytes are zero.
    unsafe {
        let begin = libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | POPULATE, -1, 0);
        if begin == libc::MAP_FAILED {
            return None;
        }
        Some(std::slice::from_raw_parts_mut(begin.cast(), len))
    }
}
