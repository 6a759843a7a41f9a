//! Room for what programs ask for. Vectors end the process when there is no memory left, so growth whose extent a program decides goes
//! through here and ends in MemoryError.

use crate::types::slice::SliceRange;
use crate::{PyResult, Vm};

/// What is smaller is allocated without asking.
const ASKED: usize = 1 << 20;

impl Vm {
    /// Room for `more` elements behind those of `items`, with room to spare as vectors grow.
    #[inline]
    pub fn reserve<T>(&mut self, items: &mut Vec<T>, more: usize) -> PyResult<()> {
        if has_room(items, more) { Ok(()) } else { Err(self.memory_error()) }
    }

    /// Appends to a vector whose length a program decides.
    #[inline]
    pub fn append<T>(&mut self, items: &mut Vec<T>, item: T) -> PyResult<()> {
        self.reserve(items, 1)?;
        items.push(item);
        Ok(())
    }

    /// What a slice with a step picks out.
    pub fn picked<T: Clone>(&mut self, range: &SliceRange, items: &[T]) -> PyResult<Vec<T>> {
        let mut out = Vec::new();
        self.reserve(&mut out, range.count)?;
        out.extend(range.indices().filter_map(|i| items.get(i).cloned()));
        Ok(out)
    }

    /// Whether `bytes` more could be had, for what cannot fail by itself. Nothing is kept.
    #[inline]
    pub fn require_room(&mut self, bytes: usize) -> PyResult<()> {
        if bytes < ASKED || fits(bytes) { Ok(()) } else { Err(self.memory_error()) }
    }
}

/// Whether there is, or can be, room for `more` elements behind those of `items`.
#[inline]
pub(crate) fn has_room<T>(items: &mut Vec<T>, more: usize) -> bool {
    items.capacity() - items.len() >= more || krait_heap::fits_memory(more.saturating_mul(size_of::<T>())) && items.try_reserve(more).is_ok()
}

/// Whether an allocation of so many bytes succeeds.
#[cold]
fn fits(bytes: usize) -> bool {
    krait_heap::fits_memory(bytes) && Vec::<u8>::new().try_reserve_exact(bytes).is_ok()
}
