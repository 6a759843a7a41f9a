//! Interned strings: of equal ones there is one object, so that names are compared by identity. They are immortal.
//!
//! The table is open to collisions of hashes alone: a slot keeps the whole hash, so strings that differ are hardly ever looked at, and growing
//! looks at none. Nothing is ever taken out. Looking up names waits for memory above all; who knows several of them in advance may fetch slots
//! and strings of all ahead, see [`InternTable::fetch_slot`].
#![allow(unsafe_code, reason = "characters stand in the tail of the object, and the processor is told what to fetch")]

use super::Str;
use crate::{Py, PyResult, Vm};
use std::cell::Cell;
use std::ops::{Deref, DerefMut};

/// The table.
pub(crate) struct InternTable {
    /// As many as a power of two, at least a third of them empty.
    slots: Slots,
    len: usize,
}

#[derive(Clone)]
struct Slot {
    hash: i64,
    string: Option<Py<Str>>,
}

enum Slots {
    First(&'static mut [Slot]),
    Grown(Vec<Slot>),
}

impl Deref for Slots {
    type Target = [Slot];

    #[inline(always)]
    fn deref(&self) -> &[Slot] {
        match self {
            Slots::First(slots) => slots,
            Slots::Grown(slots) => slots,
        }
    }
}

impl DerefMut for Slots {
    fn deref_mut(&mut self) -> &mut [Slot] {
        match self {
            Slots::First(slots) => slots,
            Slots::Grown(slots) => slots,
        }
    }
}

const EMPTY: Slot = Slot { hash: 0, string: None };

/// Slots at first: enough for an interpreter that starts.
const SLOTS: usize = 1 << 14;

impl InternTable {
    pub(crate) fn new() -> InternTable {
        // SAFETY: zero is a hash and no string.
        let slots = match unsafe { krait_heap::zeroed_region(SLOTS) } {
            Some(slots) => Slots::First(slots),
            None => Slots::Grown(vec![EMPTY; SLOTS]),
        };
        InternTable { slots, len: 0 }
    }

    /// Number of strings.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The slots that a string with this hash may be in, one after the other.
    #[inline(always)]
    fn probe(&self, hash: i64) -> impl Iterator<Item = &Slot> {
        let mask = self.slots.len() - 1;
        (0..=mask).filter_map(move |step| self.slots.get((hash as usize).wrapping_add(step) & mask))
    }

    #[inline]
    fn find(&self, hash: i64, is_it: impl Fn(&Py<Str>) -> bool) -> Option<&Py<Str>> {
        self.probe(hash).map_while(|slot| slot.string.as_ref().map(|s| (slot.hash, s))).find(|(h, s)| *h == hash && is_it(s)).map(|(_, s)| s)
    }

    /// Adds a string that is not there.
    fn insert(&mut self, hash: i64, string: Py<Str>) {
        if 3 * self.len >= 2 * self.slots.len() {
            let grown = vec![EMPTY; 2 * self.slots.len()];
            let mut old = std::mem::replace(&mut self.slots, Slots::Grown(grown));
            for slot in old.iter_mut() {
                if slot.string.is_some() {
                    self.put(std::mem::replace(slot, EMPTY));
                }
            }
        }
        self.len += 1;
        self.put(Slot { hash, string: Some(string) });
    }

    fn put(&mut self, slot: Slot) {
        let mask = self.slots.len() - 1;
        let mut at = slot.hash as usize & mask;
        while self.slots.get(at).is_some_and(|slot| slot.string.is_some()) {
            at = (at + 1) & mask;
        }
        if let Some(place) = self.slots.get_mut(at) {
            *place = slot;
        }
    }

    /// Begins to fetch the slot of a hash into the cache.
    #[inline]
    pub(crate) fn fetch_slot(&self, hash: i64) {
        let mask = self.slots.len() - 1;
        fetch(self.slots.as_ptr().wrapping_add(hash as usize & mask));
    }

    /// Begins to fetch the string with this hash, as far as its slot says.
    #[inline]
    pub(crate) fn fetch_string(&self, hash: i64) {
        if let Some(string) = self.slots.get(hash as usize & (self.slots.len() - 1)).and_then(|slot| slot.string.as_ref()) {
            fetch(string.header());
            fetch(string.tail_ptr::<u8>());
        }
    }
}

#[inline(always)]
fn fetch<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which any address may be given.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

impl Vm {
    /// The interned string equal to `text`. Interned strings are immortal.
    pub fn intern(&mut self, text: &str) -> Py<Str> {
        if text.is_ascii() {
            return self.intern_latin1(text.as_bytes()).unwrap_or_else(|_| crate::names::get().empty.clone());
        }
        match self.new_str(text) {
            Ok(s) => self.intern_object(&s),
            // Out of memory for a name: the empty string keeps everything well-typed.
            Err(_) => crate::names::get().empty.clone(),
        }
    }

    /// The interned string of characters below 256. Most names are known: it looks before it makes an object.
    pub fn intern_latin1(&mut self, chars: &[u8]) -> PyResult<Py<Str>> {
        self.intern_hashed(chars, self.interp.hash_bytes(chars))
    }

    /// [`Vm::intern_latin1`] with the hash of the characters.
    pub(crate) fn intern_hashed(&mut self, chars: &[u8], hash: i64) -> PyResult<Py<Str>> {
        let interp = self.interp;
        if let Some(found) = interp.interned.get(self).find(hash, |s| s.width == 1 && s.bytes() == chars) {
            return Ok(found.clone());
        }
        if chars.len() <= 1 {
            return self.short_str(chars);
        }
        let payload = Str { hash: Cell::new(hash), len: chars.len(), width: 1, ascii: chars.is_ascii(), interned: Cell::new(true) };
        let made = self.new_immortal_tail(payload, chars.len())?;
        // SAFETY: the tail has room for the bytes.
        unsafe { std::ptr::copy_nonoverlapping(chars.as_ptr(), made.tail_ptr(), chars.len()) };
        interp.interned.get_mut(self).insert(hash, made.clone());
        Ok(made)
    }

    /// The interned string equal to `string`, which becomes it if there is none yet; for an instance of a subclass, a copy.
    pub fn intern_object(&mut self, string: &Py<Str>) -> Py<Str> {
        if string.is_interned() {
            return string.clone();
        }
        if !string.is_exact() {
            return match self.new_str_data(string.data()) {
                Ok(copy) => self.intern_object(&copy),
                Err(_) => string.clone(),
            };
        }
        let hash = string.hash_value(self);
        let interp = self.interp;
        let table = interp.interned.get_mut(self);
        match table.find(hash, |s| s.eq_chars(string)) {
            Some(found) => found.clone(),
            None => {
                string.interned.set(true);
                string.header().make_immortal();
                table.insert(hash, string.clone());
                string.clone()
            }
        }
    }
}
