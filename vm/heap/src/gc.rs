//! The cycle collector: trial deletion over generations, as in CPython's `gcmodule` (Bacon and Rajan, "Concurrent Cycle
//! Collection in Reference Counted Systems", 2001, section 3, for the synchronous algorithm).
//!
//! Every object of a type that can be in cycles is in one of the doubly linked lists, whose links stand in front of the header. A
//! collection subtracts internal references from the counts of the objects looked at; what is left above zero is referred to
//! from outside, and so is all that can be reached from there. The rest is garbage, which the runtime finalizes and then clears.

use crate::header::{Header, ObjectFlags, TypeCore};
use crate::state::{current, HeapState};
use crate::value::Value;
use std::cell::{Cell, RefCell};

/// Number of generations.
pub const GENERATIONS: usize = 3;

/// List heads and counters.
pub(crate) struct Lists {
    heads: [ListHead; GENERATIONS],
    permanent: ListHead,
    count: [Cell<i64>; GENERATIONS],
    threshold: [Cell<i64>; GENERATIONS],
    enabled: Cell<bool>,
    collecting: Cell<bool>,
    ready: Cell<bool>,
    /// How many objects the last full collection left, and how many have grown old since.
    old: Cell<usize>,
    grown_old: Cell<usize>,
    stats: RefCell<[Stats; GENERATIONS]>,
}

/// `gc.get_stats()` of one generation.
#[derive(Clone, Copy, Default, Debug)]
pub struct Stats {
    pub collections: u64,
    pub collected: u64,
    pub uncollectable: u64,
}

/// A header with links of its own that stands for the list.
#[repr(C, align(16))]
struct ListHead {
    prev: Cell<*const Header>,
    next: Cell<*const Header>,
    header: Header,
}

static HEAD_TYPE: SyncCore = SyncCore(TypeCore::new());
struct SyncCore(TypeCore);
// SAFETY: written once with the same value before use, read only afterwards.
unsafe impl Sync for SyncCore {}

impl ListHead {
    const fn new() -> ListHead {
        ListHead { prev: Cell::new(std::ptr::null()), next: Cell::new(std::ptr::null()), header: Header::immortal() }
    }

    fn init(&self) {
        self.header.ty.set(&raw const HEAD_TYPE.0);
        self.prev.set(&raw const self.header);
        self.next.set(&raw const self.header);
    }

    fn push(&self, object: &Header) {
        let head: *const Header = &raw const self.header;
        let last = self.prev.get();
        let (prev, next) = raw_links(object);
        prev.set(last);
        next.set(head);
        // SAFETY: members of the list, and the head, are alive and have links.
        unsafe { raw_links(&*last).1.set(object) };
        self.prev.set(object);
    }

    fn iter(&self) -> impl Iterator<Item = &Header> {
        let head: *const Header = &raw const self.header;
        let mut at = self.next.get();
        std::iter::from_fn(move || {
            if at == head || at.is_null() {
                return None;
            }
            // SAFETY: members are alive; the caller does not change the list while iterating.
            let object = unsafe { &*at };
            at = raw_links(object).1.get();
            Some(object)
        })
    }

    /// Moves all members of `other` to the end of this list.
    fn append_all(&self, other: &ListHead) {
        let (other_head, head): (*const Header, *const Header) = (&raw const other.header, &raw const self.header);
        let (first, last) = (other.next.get(), other.prev.get());
        if first == other_head || first.is_null() {
            return;
        }
        let tail = self.prev.get();
        // SAFETY: members of the lists, and the heads, are alive and have links.
        unsafe {
            raw_links(&*tail).1.set(first);
            raw_links(&*first).0.set(tail);
            raw_links(&*last).1.set(head);
        }
        self.prev.set(last);
        other.prev.set(other_head);
        other.next.set(other_head);
    }
}

/// The two words in front of a header: for members of the lists and for list heads alike.
fn raw_links(object: &Header) -> (&Cell<*const Header>, &Cell<*const Header>) {
    let words = std::ptr::from_ref(object).cast::<Cell<*const Header>>();
    // SAFETY: callers pass members of the lists or list heads.
    unsafe { (&*words.sub(2), &*words.sub(1)) }
}

fn unlink(object: &Header) {
    let (prev, next) = raw_links(object);
    if next.get().is_null() {
        return;
    }
    // SAFETY: neighbours are alive.
    unsafe {
        raw_links(&*prev.get()).1.set(next.get());
        raw_links(&*next.get()).0.set(prev.get());
    }
    prev.set(std::ptr::null());
    next.set(std::ptr::null());
}

impl Lists {
    pub(crate) fn new() -> Lists {
        Lists {
            heads: [const { ListHead::new() }; GENERATIONS],
            permanent: ListHead::new(),
            count: [const { Cell::new(0) }; GENERATIONS],
            threshold: [Cell::new(2000), Cell::new(10), Cell::new(10)],
            enabled: Cell::new(true),
            collecting: Cell::new(false),
            ready: Cell::new(false),
            old: Cell::new(0),
            grown_old: Cell::new(0),
            stats: RefCell::default(),
        }
    }

    /// Ties the heads to their final addresses.
    pub(crate) fn init(&self) {
        if !self.ready.replace(true) {
            self.heads.iter().chain([&self.permanent]).for_each(ListHead::init);
        }
    }

    #[inline]
    pub(crate) fn track(&self, object: &Header) {
        self.heads[0].push(object);
        self.count[0].set(self.count[0].get() + 1);
    }

    #[inline]
    pub(crate) fn wants_collection(&self) -> bool {
        self.count[0].get() > self.threshold[0].get() && self.threshold[0].get() > 0 && self.enabled.get() && !self.collecting.get()
    }
}

/// Takes an object out of the collector's lists.
pub fn untrack(object: &Header) {
    if object.links().is_some() {
        if let Some(heap) = current()
            && !raw_links(object).1.get().is_null() {
                let count = &heap.lists.count[0];
                if count.get() > 0 {
                    count.set(count.get() - 1);
                }
            }
        unlink(object);
    }
}

/// Puts an object (back) into the youngest generation.
pub fn track(object: &Header) {
    if !is_tracked(object) && object.links().is_some() {
        crate::state::track(object);
    }
}

/// `gc.is_tracked`.
pub fn is_tracked(object: &Header) -> bool {
    object.links().is_some_and(|(_, next)| !next.get().is_null())
}

/// A generation to collect now, if the youngest has grown past its threshold.
pub fn due() -> Option<usize> {
    let heap = current()?;
    if !heap.lists.wants_collection() {
        return None;
    }
    let over = |i: usize| heap.lists.threshold[i].get() > 0 && heap.lists.count[i].get() > heap.lists.threshold[i].get();
    // The oldest generation is only worth looking at when it has grown by a quarter, so that the work stays linear.
    let grown = heap.lists.grown_old.get() > heap.lists.old.get() / 4;
    Some(if over(2) && grown { 2 } else if over(1) { 1 } else { 0 })
}

/// The unreachable objects among `generation` and all younger ones, each with a new reference. The survivors move one generation up.
/// Nothing may run between this call and [`finish`] but what the runtime does with the garbage.
pub fn find_unreachable(generation: usize) -> Vec<Value> {
    let Some(heap) = current() else { return Vec::new() };
    if heap.lists.collecting.replace(true) {
        return Vec::new();
    }
    let generation = generation.min(GENERATIONS - 1);
    start_generation(heap, generation);
    let young = &heap.lists.heads[generation];
    let members: Vec<&Header> = young.iter().collect();
    let garbage = unreachable(&members);
    let left = members.len() - garbage.len();
    if generation + 1 < GENERATIONS {
        heap.lists.heads[generation + 1].append_all(young);
    }
    match generation {
        2 => {
            heap.lists.old.set(left);
            heap.lists.grown_old.set(0);
        }
        1 => heap.lists.grown_old.set(heap.lists.grown_old.get() + left),
        _ => {}
    }
    garbage
}

fn start_generation(heap: &HeapState, generation: usize) {
    for i in 0..=generation {
        heap.lists.count[i].set(0);
    }
    if generation + 1 < GENERATIONS {
        let older = &heap.lists.count[generation + 1];
        older.set(older.get() + 1);
    }
    for i in 0..generation {
        heap.lists.heads[generation].append_all(&heap.lists.heads[i]);
    }
}

/// Trial deletion over `members`. Meanwhile their counts of references from outside stand in their backward links.
fn unreachable(members: &[&Header]) -> Vec<Value> {
    let mut links: Vec<*const Header> = Vec::with_capacity(members.len());
    for object in members {
        object.set_flag(ObjectFlags::COLLECTING);
        let (prev, _) = raw_links(object);
        links.push(prev.replace(std::ptr::without_provenance(object.refcnt() as usize)));
    }
    for object in members {
        visit_members(object, &mut |child| {
            let (refs, _) = raw_links(child);
            refs.set(std::ptr::without_provenance(refs.get().addr().wrapping_sub(1)));
        });
    }
    let mut reachable: Vec<*const Header> = Vec::new();
    for &object in members {
        // A count that has wrapped round is no reference from outside.
        let refs = raw_links(object).0.get().addr();
        if refs != 0 && refs <= u32::MAX as usize {
            object.set_flag(ObjectFlags::REACHABLE);
            reachable.push(object);
        }
    }
    while let Some(object) = reachable.pop() {
        // SAFETY: members are alive.
        visit_members(unsafe { &*object }, &mut |child| {
            if !child.has_flag(ObjectFlags::REACHABLE) {
                child.set_flag(ObjectFlags::REACHABLE);
                reachable.push(child);
            }
        });
    }
    let mut garbage = Vec::new();
    for (&object, link) in members.iter().zip(links) {
        raw_links(object).0.set(link);
        if !object.has_flag(ObjectFlags::REACHABLE) {
            garbage.push(Value::new_ref(object));
        }
        object.clear_flag(ObjectFlags::COLLECTING | ObjectFlags::REACHABLE);
    }
    garbage
}

/// Calls `visit` for every child that is in the set being looked at.
fn visit_members(object: &Header, visit: &mut dyn FnMut(&Header)) {
    let traverse = object.type_core().traverse.get();
    // SAFETY: the object is alive and nothing inside is borrowed.
    unsafe {
        traverse(object, &mut |child: &Value| {
            if let Some(child) = child.header()
                && child.has_flag(ObjectFlags::COLLECTING) {
                    visit(child);
                }
        });
    }
}

/// Those of `garbage` that are still garbage after finalizers ran (PEP 442): nothing outside refers to them. Each value in `garbage` counts for
/// one reference of its own.
pub fn still_unreachable(garbage: Vec<Value>) -> Vec<Value> {
    let members: Vec<Value> = garbage;
    let again = {
        let headers: Vec<&Header> = members.iter().filter_map(Value::header).collect();
        // Our own reference does not count.
        for header in &headers {
            header.refcnt.set(header.refcnt.get() - 1);
        }
        let again = unreachable(&headers);
        for header in &headers {
            header.refcnt.set(header.refcnt.get() + 1);
        }
        again
    };
    drop(members);
    again
}

/// Breaks the cycles among `garbage`: what `clear` moves out is dropped after all have been cleared. False if no object gave anything up.
pub fn clear(garbage: &[Value]) -> bool {
    let mut out = Vec::new();
    for object in garbage.iter().filter_map(Value::header) {
        let clear = object.type_core().clear.get();
        // SAFETY: the object is unreachable but for `garbage`, and nothing inside is borrowed.
        unsafe { clear(std::ptr::from_ref(object).cast_mut(), &mut out) };
    }
    !out.is_empty()
}

/// Ends a collection that [`find_unreachable`] began, with its figures for `gc.get_stats()`.
pub fn finish(generation: usize, collected: u64, uncollectable: u64) {
    if let Some(heap) = current() {
        let mut stats = heap.lists.stats.borrow_mut();
        let entry = &mut stats[generation.min(GENERATIONS - 1)];
        entry.collections += 1;
        entry.collected += collected;
        entry.uncollectable += uncollectable;
        heap.lists.collecting.set(false);
    }
}

/// `gc.enable()` and `gc.disable()`.
pub fn set_enabled(on: bool) {
    if let Some(heap) = current() {
        heap.lists.enabled.set(on);
    }
}

/// `gc.isenabled()`.
pub fn is_enabled() -> bool {
    current().is_some_and(|heap| heap.lists.enabled.get())
}

/// Whether a collection is under way.
pub fn is_collecting() -> bool {
    current().is_some_and(|heap| heap.lists.collecting.get())
}

/// `gc.get_threshold()`.
pub fn thresholds() -> [i64; GENERATIONS] {
    current().map_or([0; GENERATIONS], |heap| std::array::from_fn(|i| heap.lists.threshold[i].get()))
}

/// `gc.set_threshold()`.
pub fn set_threshold(generation: usize, value: i64) {
    if let Some(cell) = current().and_then(|heap| heap.lists.threshold.get(generation)) {
        cell.set(value);
    }
}

/// `gc.get_count()`.
pub fn counts() -> [i64; GENERATIONS] {
    current().map_or([0; GENERATIONS], |heap| std::array::from_fn(|i| heap.lists.count[i].get()))
}

/// `gc.get_stats()`.
pub fn stats() -> [Stats; GENERATIONS] {
    current().map_or([Stats::default(); GENERATIONS], |heap| *heap.lists.stats.borrow())
}

/// All tracked objects, of one generation or of all.
pub fn objects(generation: Option<usize>) -> Vec<Value> {
    let Some(heap) = current() else { return Vec::new() };
    let lists = heap.lists.heads.iter().enumerate().filter(|(i, _)| generation.is_none_or(|g| g == *i));
    lists.flat_map(|(_, list)| list.iter()).map(Value::new_ref).collect()
}

/// How many objects are tracked.
pub fn tracked() -> usize {
    current().map_or(0, |heap| heap.lists.heads.iter().map(|list| list.iter().count()).sum())
}

/// `gc.freeze()`: moves everything out of the collector's sight.
pub fn freeze() {
    if let Some(heap) = current() {
        heap.lists.heads.iter().for_each(|list| heap.lists.permanent.append_all(list));
    }
}

/// `gc.unfreeze()`.
pub fn unfreeze() {
    if let Some(heap) = current() {
        heap.lists.heads[GENERATIONS - 1].append_all(&heap.lists.permanent);
    }
}

/// `gc.get_freeze_count()`.
pub fn frozen_count() -> usize {
    current().map_or(0, |heap| heap.lists.permanent.iter().count())
}

/// The values that `object` owns, as its traversal tells.
pub fn referents(object: &Header) -> Vec<Value> {
    let mut found = Vec::new();
    let traverse = object.type_core().traverse.get();
    // SAFETY: the object is alive and nothing inside is borrowed: the caller holds a token.
    unsafe { traverse(object, &mut |child: &Value| found.push(child.clone())) };
    found
}
