//! Allocation of objects. Every allocation is fallible; the runtime raises MemoryError.

use crate::header::{Header, ObjectFlags, TypeCore, TypeFlags};
use crate::py::{Payload, Py};
use crate::state;
use crate::value::Value;
use std::cell::Cell;

/// Where memory comes from.
#[cfg(not(fuzzing))]
mod system {
    pub use libmimalloc_sys::{mi_free as free, mi_malloc as malloc, mi_realloc as realloc, mi_usable_size as usable_size};
}

/// The same for fuzzing: the allocator that sanitizers watch, and a count of the blocks in use.
#[cfg(fuzzing)]
pub(crate) mod system {
    use std::ffi::c_void;
    use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

    pub static LIVE: AtomicIsize = AtomicIsize::new(0);

    /// # Safety
    /// As for C's `malloc`.
    pub unsafe fn malloc(size: usize) -> *mut c_void {
        LIVE.fetch_add(1, Relaxed);
        // SAFETY: any size may be asked for.
        unsafe { libc::malloc(size) }
    }

    /// # Safety
    /// As for C's `free`.
    pub unsafe fn free(block: *mut c_void) {
        LIVE.fetch_sub(1, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { libc::free(block) }
    }

    /// # Safety
    /// As for C's `realloc`.
    pub unsafe fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
        // SAFETY: the caller's promise.
        unsafe { libc::realloc(block, size) }
    }

    /// # Safety
    /// `block` comes from `malloc`.
    pub unsafe fn usable_size(block: *mut c_void) -> usize {
        // SAFETY: the caller's promise.
        unsafe { libc::malloc_usable_size(block) }
    }
}

/// How many objects there are; only counted for fuzzing.
#[cfg(fuzzing)]
pub fn live_objects() -> isize {
    system::LIVE.load(std::sync::atomic::Ordering::Relaxed)
}

/// Said when the process is about to end: the system takes all memory back at once, faster than the allocator piece by piece.
pub fn leave_memory() {
    // SAFETY: sets a number that the allocator reads.
    #[cfg(not(fuzzing))]
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, -1);
    }
}

/// `mi_option_purge_delay`; -1 means never.
#[cfg(not(fuzzing))]
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// The allocator has no more memory, or the limit has been reached.
#[derive(Clone, Copy, Debug)]
pub struct AllocError;

/// What is smaller is allocated without a look at the limit of memory.
const LARGE: usize = 1 << 20;

/// Whether the machine could hold so many bytes at all, and the limit of memory allows them. The system hands out address space without limit,
/// and would end the process when it is used, so what a program asks for is compared with the memory that is there.
#[inline]
pub fn fits_memory(bytes: usize) -> bool {
    bytes < LARGE || fits_limit(bytes) && fits_machine(bytes)
}

/// Whether a limit of memory leaves so much.
#[cold]
fn fits_limit(bytes: usize) -> bool {
    let Some(heap) = crate::state::current() else { return true };
    let most = heap.memory_limit.get();
    let fits = most == usize::MAX || memory_in_use().saturating_add(bytes) <= most;
    if !fits {
        heap.limit_reached.set(true);
    }
    fits
}

/// Bytes of memory that the process uses.
pub fn memory_in_use() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = text.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    pages.saturating_mul(4096)
}

#[cold]
fn fits_machine(bytes: usize) -> bool {
    static TOTAL: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    use std::sync::atomic::Ordering::Relaxed;
    if TOTAL.load(Relaxed) == 0 {
        // SAFETY: `sysconf` only reads.
        let (pages, size) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
        let total = usize::try_from(pages).unwrap_or(0).saturating_mul(usize::try_from(size).unwrap_or(0));
        TOTAL.store(if total == 0 { 1 << 46 } else { total }, Relaxed);
    }
    bytes <= TOTAL.load(Relaxed)
}

/// Allocations that fail on purpose, for tests of what happens then. While some are to fail, the pools are closed: every object goes through
/// [`raw_alloc`], and the way through the pools costs nothing more than ever.
pub mod failing {
    use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

    static ACTIVE: AtomicBool = AtomicBool::new(false);
    static COUNT: AtomicI64 = AtomicI64::new(0);
    static START: AtomicI64 = AtomicI64::new(0);
    static STOP: AtomicI64 = AtomicI64::new(0);

    /// From now on the allocations behind the `start`-th fail, up to the `stop`-th, or all of them if that is not positive.
    pub fn set(start: i64, stop: i64) {
        COUNT.store(0, Relaxed);
        START.store(start, Relaxed);
        STOP.store(stop, Relaxed);
        ACTIVE.store(true, Relaxed);
        if let Some(heap) = crate::state::current() {
            heap.pools.close();
        }
    }

    /// Nothing fails on purpose any more.
    pub fn clear() {
        if ACTIVE.swap(false, Relaxed)
            && let Some(heap) = crate::state::current() {
                heap.pools.open();
            }
    }

    /// Whether this allocation is to fail.
    #[inline]
    pub(super) fn now() -> bool {
        ACTIVE.load(Relaxed) && counted()
    }

    #[cold]
    fn counted() -> bool {
        let count = COUNT.fetch_add(1, Relaxed).saturating_add(1);
        let stop = STOP.load(Relaxed);
        count > START.load(Relaxed) && (stop <= 0 || count <= stop)
    }
}

/// `size` bytes, 16-byte aligned, or null.
pub fn raw_alloc(size: usize) -> *mut u8 {
    if size > isize::MAX as usize || !fits_memory(size) || failing::now() {
        return std::ptr::null_mut();
    }
    // SAFETY: any size may be asked for; blocks of 16 bytes and more are 16-byte aligned.
    unsafe { system::malloc(size.max(16)).cast() }
}

/// # Safety
/// `ptr` comes from [`raw_alloc`] and is not used again.
pub unsafe fn raw_free(ptr: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { system::free(ptr.cast()) }
}

/// Bytes between the sizes of pooled blocks.
const STEP: usize = 16;
/// How many sizes there are, and one more for "not pooled".
const CLASSES: usize = 32;
/// Blocks of one size that are kept.
const KEPT: u32 = 2048;

/// Free blocks of small sizes, by size: most objects live shortly, and the next one takes the last one's memory. Their own first words link
/// them. An object's flags say the size of its block.
pub(crate) struct Pools {
    first: [Cell<*mut u8>; CLASSES],
    count: [Cell<u32>; CLASSES],
}

impl Pools {
    pub(crate) fn new() -> Pools {
        Pools { first: [const { Cell::new(std::ptr::null_mut()) }; CLASSES], count: [const { Cell::new(0) }; CLASSES] }
    }

    #[inline(always)]
    fn take(&self, class: usize) -> Option<*mut u8> {
        let first = self.first.get(class)?;
        let block = first.get();
        if block.is_null() {
            return None;
        }
        // SAFETY: blocks in the pool are free, and their first words say which one is next.
        first.set(unsafe { block.cast::<*mut u8>().read() });
        let count = self.count.get(class)?;
        count.set(count.get().wrapping_sub(1));
        Some(block)
    }

    /// Gives all blocks back and keeps none until [`Pools::open`].
    fn close(&self) {
        for class in 0..CLASSES {
            while let Some(block) = self.take(class) {
                // SAFETY: blocks in the pools come from `raw_alloc`, and this one has just been taken out.
                unsafe { raw_free(block) };
            }
        }
        self.count.iter().for_each(|n| n.set(KEPT));
    }

    /// After [`Pools::close`]: keeps blocks again.
    fn open(&self) {
        self.count.iter().for_each(|n| n.set(0));
    }

    /// Keeps a block; false if there are enough.
    ///
    /// # Safety
    /// The block has this size and nothing uses it any more.
    #[inline(always)]
    unsafe fn keep(&self, class: usize, block: *mut u8) -> bool {
        let (Some(first), Some(count)) = (self.first.get(class), self.count.get(class)) else { return false };
        if count.get() >= KEPT {
            return false;
        }
        // SAFETY: a block has room for a word at least.
        unsafe { block.cast::<*mut u8>().write(first.get()) };
        first.set(block);
        count.set(count.get() + 1);
        true
    }
}

/// The class of blocks for `size` bytes; 0 for those that are not pooled. Sanitizers are to see every block.
#[inline(always)]
fn class_of(size: usize) -> usize {
    let class = size.div_ceil(STEP);
    if class < CLASSES && !cfg!(fuzzing) { class } else { 0 }
}

#[inline(always)]
fn block(class: usize, size: usize) -> *mut u8 {
    if class == 0 {
        return raw_alloc(size);
    }
    state::current().and_then(|heap| heap.pools.take(class)).unwrap_or_else(|| raw_alloc(class * STEP))
}

/// A new object of type `ty` (`T`'s type or a subtype) without a tail beyond the type's own inline values.
///
/// # Safety
/// Objects of `ty` begin with a `T`. The caller has counted `ty` once for the new object if it is not immortal.
#[inline(always)]
pub unsafe fn alloc<T: Payload>(ty: *const TypeCore, payload: T) -> Result<Py<T>, AllocError> {
    // SAFETY: passed on.
    unsafe { alloc_tail(ty, payload, 0) }
}

/// A new object with `tail` bytes behind the payload, uninitialised.
///
/// # Safety
/// As for [`alloc`]; the caller initialises the tail before anything can look at it.
#[inline(always)]
pub unsafe fn alloc_tail<T: Payload>(ty: *const TypeCore, payload: T, tail: usize) -> Result<Py<T>, AllocError> {
    // SAFETY: passed on.
    let object = unsafe { alloc_tail_untracked(ty, payload, tail) }?;
    let header = object.header();
    if header.type_core().has(TypeFlags::GC) {
        state::track(header);
    }
    Ok(object)
}

/// As [`alloc_tail`], but the collector does not know of the object until it is [tracked](crate::gc::track).
///
/// # Safety
/// As for [`alloc_tail`].
#[inline(always)]
pub unsafe fn alloc_tail_untracked<T: Payload>(ty: *const TypeCore, payload: T, tail: usize) -> Result<Py<T>, AllocError> {
    // SAFETY: `ty` is a live type, whose objects have room for a `T` behind the header.
    unsafe {
        let header = alloc_header(ty, size_of::<T>(), tail);
        if header.is_null() {
            return Err(AllocError);
        }
        // Written where it is made: moved here through the stack it would have to wait for its own stores.
        header.add(1).cast::<T>().write(payload);
        Ok(Py::from_value_unchecked(Value::from_ptr(header)))
    }
}

/// Memory of a new object with its header, the payload of so many bytes to be written; null if there is none.
///
/// # Safety
/// `ty` is a live type, whose objects' payloads begin with as many bytes.
#[inline(never)]
unsafe fn alloc_header(ty: *const TypeCore, payload: usize, tail: usize) -> *mut Header {
    // SAFETY: the caller's promise.
    let core = unsafe { &*ty };
    let pre = core.pre.get() as usize;
    let Some(size) = (pre + core.basicsize.get() as usize).checked_add(tail) else { return std::ptr::null_mut() };
    let class = class_of(size);
    let base = block(class, size);
    if base.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: the block has room for pre-header, header and payload; the pre-header of null words is valid.
    unsafe {
        // The usual sizes in place: a call would cost more than the few words.
        match pre {
            0 => {}
            16 => base.cast::<[u64; 2]>().write([0; 2]),
            32 => base.cast::<[u64; 4]>().write([0; 4]),
            _ => std::ptr::write_bytes(base, 0, pre),
        }
        let header = base.add(pre).cast::<Header>();
        header.write(Header { refcnt: Cell::new(1), flags: Cell::new((class as u32) << ObjectFlags::CLASS_SHIFT), ty: Cell::new(ty) });
        if core.has(TypeFlags::INLINE_VALUES) {
            // The tail of inline values begins as zeroes: no value set.
            let start = base.add(pre + 16 + payload);
            let end = base.add(size);
            std::ptr::write_bytes(start, 0, end.offset_from(start).max(0) as usize);
            (*header).set_flag(ObjectFlags::INLINE_VALUES);
        }
        header
    }
}

/// Bytes that immortal objects are cut from, and the largest of them that are.
const CHUNK: usize = 1 << 16;
const LARGEST_CUT: usize = 1 << 9;

/// Where the next immortal object goes: they never die, so they stand close together.
pub(crate) struct Immortals {
    next: Cell<*mut u8>,
    left: Cell<usize>,
}

impl Immortals {
    pub(crate) fn new() -> Immortals {
        Immortals { next: Cell::new(std::ptr::null_mut()), left: Cell::new(0) }
    }

    fn cut(&self, size: usize) -> *mut u8 {
        let size = size.next_multiple_of(16);
        if size > LARGEST_CUT || cfg!(fuzzing) {
            return raw_alloc(size);
        }
        if size > self.left.get() {
            let chunk = raw_alloc(CHUNK);
            if chunk.is_null() {
                return chunk;
            }
            self.next.set(chunk);
            self.left.set(CHUNK);
        }
        let block = self.next.get();
        self.next.set(block.wrapping_add(size));
        self.left.set(self.left.get() - size);
        block
    }
}

/// An immortal object with `tail` bytes behind the payload, uninitialised. Such objects stand close together.
///
/// # Safety
/// As for [`alloc_tail`]; `ty` has no pre-header.
pub unsafe fn alloc_tail_immortal<T: Payload>(ty: *const TypeCore, payload: T, tail: usize) -> Result<Py<T>, AllocError> {
    let size = (size_of::<Header>() + size_of::<T>()).checked_add(tail).filter(|&n| n < isize::MAX as usize / 2).ok_or(AllocError)?;
    let base = match state::current() {
        Some(heap) => heap.immortals.cut(size),
        None => raw_alloc(size),
    };
    if base.is_null() {
        return Err(AllocError);
    }
    // SAFETY: the block has room for header, payload and tail.
    unsafe {
        let header = base.cast::<Header>();
        header.write(Header { refcnt: Cell::new(crate::header::IMMORTAL), flags: Cell::new(0), ty: Cell::new(ty) });
        header.add(1).cast::<T>().write(payload);
        Ok(Py::from_value_unchecked(Value::from_ptr(header)))
    }
}

/// Gives an object a tail of at least `tail` bytes, what was there kept; it may move. Room grows by an eighth at least, so that growing
/// again and again is linear.
///
/// # Safety
/// `object` is an exact `T`, the only reference to it, of a type without pre-header; the caller initialises the new part of the tail.
pub unsafe fn grow_tail<T: Payload>(object: Value, tail: usize) -> Result<Py<T>, AllocError> {
    let base = object.bits() as *mut u8;
    let size = (16 + size_of::<T>()).checked_add(tail).filter(|&n| n < isize::MAX as usize / 2).ok_or(AllocError)?;
    // SAFETY: the object's memory comes from `raw_alloc` and begins at its header.
    unsafe {
        if system::usable_size(base.cast()) >= size {
            return Ok(Py::from_value_unchecked(object));
        }
        if !fits_memory(size) || failing::now() {
            return Err(AllocError);
        }
        let moved = system::realloc(base.cast(), size + size / 8).cast::<Header>();
        if moved.is_null() {
            return Err(AllocError);
        }
        let _ = object.into_bits();
        (*moved).clear_flag(ObjectFlags::CLASS);
        Ok(Py::from_value_unchecked(Value::from_ptr(moved)))
    }
}

/// Gives back the memory of an object whose contents have been dropped.
///
/// # Safety
/// Nothing refers to the object any more.
pub(crate) unsafe fn free_object(header: *mut Header, pre: usize) {
    // SAFETY: objects are allocated with their pre-header in front, in a block of the class that the flags name.
    unsafe {
        let class = ((*header).flags() & ObjectFlags::CLASS) >> ObjectFlags::CLASS_SHIFT;
        let base = header.cast::<u8>().sub(pre);
        if class != 0 && state::current().is_some_and(|heap| heap.pools.keep(class as usize, base)) {
            return;
        }
        raw_free(base)
    }
}
