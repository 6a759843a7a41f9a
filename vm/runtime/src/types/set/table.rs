//! The hash table of sets: open addressing with CPython's probing (short linear runs, then perturbed jumps), so that sets of the same
//! hashes are iterated in the same order as there.

use crate::Value;
use crate::types::list::methods::quick_eq;
use krait_heap::{Clear, Traverse, Visit};

const LINEAR_PROBES: usize = 9;
const PERTURB_SHIFT: u32 = 5;
pub const MIN_SIZE: usize = 8;

/// One slot of the table: an element and its hash. Where there is no element the hash says whether there never was one (0) or one has been
/// taken out (-1, which is no hash).
#[derive(Clone)]
pub struct Slot {
    pub hash: i64,
    pub value: Option<Value>,
}

impl Slot {
    const UNUSED: Slot = Slot { hash: 0, value: None };
    const DUMMY: Slot = Slot { hash: -1, value: None };

    /// Whether a search ends here.
    #[inline(always)]
    pub fn is_unused(&self) -> bool {
        self.hash == 0 && self.value.is_none()
    }
}

/// What [`Table::lookup`] finds.
pub enum Lookup {
    Found(usize),
    Free(usize),
    /// Elements have to be compared.
    Unsure,
}

/// So many unused slots; none when out of memory.
fn unused(size: usize) -> Option<Vec<Slot>> {
    let mut slots = Vec::new();
    slots.try_reserve_exact(size).ok()?;
    slots.extend(std::iter::repeat_with(|| Slot::UNUSED).take(size));
    Some(slots)
}

/// The table. Its size is a power of two; an empty set may have none yet, and counts as having the smallest size.
#[derive(Default)]
pub struct Table {
    pub slots: Vec<Slot>,
    /// Slots that are active or dummies.
    pub fill: usize,
    pub used: usize,
    /// Where `pop` goes on looking.
    pub finger: usize,
    /// Counts changes, so that a look-up under which the set changed notices.
    pub changes: u64,
}

impl Traverse for Table {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.slots.iter().filter_map(|slot| slot.value.as_ref()).for_each(visit);
    }
    fn clear(&mut self, out: &mut Clear) {
        out.extend(std::mem::take(self).slots.into_iter().filter_map(|slot| slot.value));
    }
}

/// The slots that a hash may be in, in the order of probing.
pub struct Probe {
    mask: usize,
    perturb: u64,
    base: usize,
    step: usize,
    steps: usize,
}

impl Probe {
    #[inline(always)]
    pub fn new(hash: i64, mask: usize) -> Probe {
        let base = hash as usize & mask;
        Probe { mask, perturb: hash as u64, base, step: 0, steps: if base + LINEAR_PROBES <= mask { LINEAR_PROBES } else { 0 } }
    }

    #[inline(always)]
    pub fn at(&self) -> usize {
        self.base + self.step
    }

    #[inline(always)]
    pub fn advance(&mut self) {
        if self.step < self.steps {
            self.step += 1;
            return;
        }
        self.perturb >>= PERTURB_SHIFT;
        self.base = self.base.wrapping_mul(5).wrapping_add(1).wrapping_add(self.perturb as usize) & self.mask;
        self.step = 0;
        self.steps = if self.base + LINEAR_PROBES <= self.mask { LINEAR_PROBES } else { 0 };
    }
}

impl Table {
    /// Size minus one.
    #[inline(always)]
    pub fn mask(&self) -> usize {
        self.slots.len().max(MIN_SIZE) - 1
    }

    /// The slot of an element for which `same` says yes; it is only asked for elements with this hash.
    #[inline(always)]
    pub fn find(&self, hash: i64, same: impl Fn(&Value) -> bool) -> Option<usize> {
        if self.used == 0 {
            return None;
        }
        let mut probe = Probe::new(hash, self.mask());
        loop {
            let slot = self.slots.get(probe.at())?;
            if slot.hash == hash {
                match &slot.value {
                    Some(value) if same(value) => return Some(probe.at()),
                    None if hash == 0 => return None,
                    Some(_) | None => {}
                }
            } else if slot.is_unused() {
                return None;
            }
            probe.advance();
        }
    }

    /// The slot of an element, or the one where it would go, if that can be told without running anything.
    #[inline]
    pub fn lookup(&self, hash: i64, key: &Value) -> Lookup {
        let mut probe = Probe::new(hash, self.mask());
        let slots = self.slots.as_slice();
        loop {
            let at = probe.at();
            let Some(slot) = slots.get(at) else { return Lookup::Free(at) };
            match &slot.value {
                Some(value) if slot.hash == hash => match quick_eq(value, key) {
                    Some(true) => return Lookup::Found(at),
                    Some(false) => {}
                    None => return Lookup::Unsure,
                },
                None if slot.hash == 0 => return Lookup::Free(at),
                Some(_) | None => {}
            }
            probe.advance();
        }
    }

    /// Puts in an element that is known not to be there. False when out of memory.
    #[inline]
    pub fn insert_new(&mut self, hash: i64, value: Value) -> bool {
        let at = self.free_slot(hash);
        self.insert_at(at, hash, value)
    }

    /// Puts an element that is known not to be there into the slot where the search for it has ended. False when out of memory.
    #[inline]
    pub fn insert_at(&mut self, at: usize, hash: i64, value: Value) -> bool {
        if self.slots.is_empty() {
            match unused(MIN_SIZE) {
                Some(slots) => self.slots = slots,
                None => return false,
            }
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Slot { hash, value: Some(value) };
        }
        self.fill += 1;
        self.used += 1;
        self.changes += 1;
        self.fill * 5 < self.mask() * 3 || self.resize(self.growth())
    }

    /// Where the search for an element that is not there ends.
    #[inline(always)]
    fn free_slot(&self, hash: i64) -> usize {
        let mut probe = Probe::new(hash, self.mask());
        while self.slots.get(probe.at()).is_some_and(|slot| !slot.is_unused()) {
            probe.advance();
        }
        probe.at()
    }

    /// What the table grows to, before rounding up.
    pub fn growth(&self) -> usize {
        if self.used > 50_000 { self.used * 2 } else { self.used * 4 }
    }

    /// Rebuilds the table with more than `minused` slots, without dummies. False when out of memory.
    pub fn resize(&mut self, minused: usize) -> bool {
        let mut size = MIN_SIZE;
        while size <= minused {
            size <<= 1;
        }
        let Some(slots) = unused(size) else { return false };
        let old = std::mem::replace(&mut self.slots, slots);
        for slot in old {
            if let Some(value) = slot.value {
                self.place(slot.hash, value);
            }
        }
        self.fill = self.used;
        self.changes += 1;
        true
    }

    /// Puts an element into the first free slot without counting it. False when out of memory.
    #[inline]
    pub fn place(&mut self, hash: i64, value: Value) -> bool {
        if self.slots.is_empty() {
            match unused(MIN_SIZE) {
                Some(slots) => self.slots = slots,
                None => return false,
            }
        }
        let at = self.free_slot(hash);
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Slot { hash, value: Some(value) };
        }
        true
    }

    /// Takes out the element in a slot.
    pub fn remove(&mut self, at: usize) -> Option<Value> {
        let slot = self.slots.get_mut(at)?;
        let value = slot.value.take()?;
        *slot = Slot::DUMMY;
        self.used -= 1;
        self.changes += 1;
        Some(value)
    }

    /// The first element in slot `at` or behind it, and its slot.
    #[inline]
    pub fn next_from(&self, at: usize) -> Option<(usize, i64, &Value)> {
        self.slots.get(at..)?.iter().enumerate().find_map(|(i, slot)| slot.value.as_ref().map(|value| (at + i, slot.hash, value)))
    }

    /// Hashes and elements in the order of iteration.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &Value)> {
        self.slots.iter().filter_map(|slot| slot.value.as_ref().map(|value| (slot.hash, value)))
    }
}
