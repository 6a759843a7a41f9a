//! The heap's state: what is being freed, what waits for the evaluator, and the collector's lists.
//!
//! It belongs to an interpreter; each thread that holds the GIL points at it.

use crate::alloc::{Immortals, Pools, free_object};
use crate::gc::Lists;
use crate::header::{Header, ObjectFlags, TypeFlags};
use crate::value::Value;
use crate::weak::clear_weakrefs;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

/// How deep freeing may nest before it goes on iteratively.
const MAX_FREE_DEPTH: u32 = 40;

/// One interpreter's heap.
pub struct HeapState {
    depth: Cell<u32>,
    deferred: RefCell<Vec<*const Header>>,
    /// Something waits in `pending`, or the collector wants to run.
    pub wakeup: Cell<bool>,
    /// Bytes in use beyond which nothing large is allocated; `usize::MAX` without such a limit.
    pub memory_limit: Cell<usize>,
    /// An allocation has failed for that limit.
    pub limit_reached: Cell<bool>,
    finalizers: RefCell<VecDeque<Value>>,
    callbacks: RefCell<VecDeque<Value>>,
    pub(crate) lists: Lists,
    pub(crate) pools: Pools,
    pub(crate) immortals: Immortals,
}

thread_local! {
    static CURRENT: Cell<*const HeapState> = const { Cell::new(std::ptr::null()) };
}

/// What the evaluator has to run before the next instruction.
pub enum Pending {
    /// An object whose last reference went away: run its finalizer, then drop it.
    Finalizer(Value),
    /// A weak reference whose referent died: call its callback with it.
    Callback(Value),
}

/// Makes a heap and leaks it: it is as long-lived as its interpreter's last object.
pub fn new_heap() -> &'static HeapState {
    Box::leak(Box::new(HeapState {
        depth: Cell::new(0),
        deferred: RefCell::default(),
        wakeup: Cell::new(false),
        memory_limit: Cell::new(usize::MAX),
        limit_reached: Cell::new(false),
        finalizers: RefCell::default(),
        callbacks: RefCell::default(),
        lists: Lists::new(),
        pools: Pools::new(),
        immortals: Immortals::new(),
    }))
}

/// Makes `heap` the current thread's heap. Called when a thread first takes an interpreter's GIL.
pub fn attach(heap: &'static HeapState) {
    heap.lists.init();
    CURRENT.set(heap);
}

/// The current thread's heap. Null-safe: without one, objects are simply freed.
#[inline(always)]
pub fn current() -> Option<&'static HeapState> {
    // SAFETY: heaps are never freed.
    unsafe { CURRENT.get().as_ref() }
}

/// Links a new object for the collector.
#[inline]
pub(crate) fn track(header: &Header) {
    if let Some(heap) = current() {
        heap.lists.track(header);
        if heap.lists.wants_collection() {
            heap.wakeup.set(true);
        }
    }
}

/// The last reference to `header` is gone.
#[cold]
#[inline(never)]
pub(crate) fn release(header: &Header) {
    let core = header.type_core();
    if core.has(TypeFlags::FINALIZER) && !header.has_flag(ObjectFlags::FINALIZED)
        && let Some(heap) = current() {
            header.refcnt.set(1);
            header.set_flag(ObjectFlags::FINALIZED);
            // SAFETY: the count was just restored.
            heap.finalizers.borrow_mut().push_back(unsafe { Value::from_ptr(header) });
            heap.wakeup.set(true);
            return;
        }
    let Some(heap) = current() else {
        // SAFETY: the count is zero.
        unsafe { destroy(header) };
        return;
    };
    let depth = heap.depth.get();
    if depth >= MAX_FREE_DEPTH {
        heap.deferred.borrow_mut().push(header);
        return;
    }
    heap.depth.set(depth + 1);
    // SAFETY: the count is zero.
    unsafe { destroy(header) };
    if depth == 0 {
        loop {
            let next = heap.deferred.borrow_mut().pop();
            match next {
                // SAFETY: deferred objects have a count of zero and are freed once.
                Some(next) => unsafe { destroy(&*next) },
                None => break,
            }
        }
    }
    heap.depth.set(depth);
}

/// Frees an object whose last reference has been taken away, or queues its finalizer.
///
/// # Safety
/// [`Header::decrement`] has just said so.
#[inline(always)]
pub unsafe fn finish(header: &Header) {
    release(header);
}

/// # Safety
/// The count is zero and the object has not been destroyed.
unsafe fn destroy(header: *const Header) {
    // SAFETY: the object is intact until its contents are dropped.
    unsafe {
        let object = &*header;
        let core = object.type_core();
        if core.has(TypeFlags::GC) {
            crate::gc::untrack(object);
        }
        if core.has(TypeFlags::MANAGED) {
            clear_weakrefs(object);
        }
        let pre = core.pre.get() as usize;
        let drop = core.drop.get();
        drop(header.cast_mut());
        free_object(header.cast_mut(), pre);
    }
}

pub(crate) fn queue_callback(weak: Value) {
    if let Some(heap) = current() {
        heap.callbacks.borrow_mut().push_back(weak);
        heap.wakeup.set(true);
    }
}

/// Queues the finalizer of an object that the collector found to be garbage.
pub fn queue_finalizer(object: Value) {
    if let Some(heap) = current() {
        if let Some(header) = object.header() {
            header.set_flag(ObjectFlags::FINALIZED);
        }
        heap.finalizers.borrow_mut().push_back(object);
        heap.wakeup.set(true);
    }
}

/// The next thing to run, callbacks first: CPython calls them before the finalizer of what the callback may drop.
pub fn pending() -> Option<Pending> {
    let heap = current()?;
    let callback = heap.callbacks.borrow_mut().pop_front();
    if let Some(weak) = callback {
        return Some(Pending::Callback(weak));
    }
    let finalizer = heap.finalizers.borrow_mut().pop_front();
    finalizer.map(Pending::Finalizer)
}
