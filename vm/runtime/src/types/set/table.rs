//! The hash table of sets: open addressing with CPython's probing (short linear runs, then perturbed jumps), so that sets of the same
//! hashes are iterated in the same order as there.

use crate::Value;
use krait_heap::{Clear, Traverse, Visit};

const LINEAR_PROBES: usize = 9;
const PERTURB_SHIFT: u32 = 5;
pub const MIN_SIZE: usize = 8;

/// One slot of the table.
#[derive(Clone, Default)]
pub enum Slot {
    #[default]
    Unused,
    /// An element was here.
    Dummy,
    Active(i64, Value),
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
        for slot in &self.slots {
            if let Slot::Active(_, value) = slot {
                visit(value);
            }
        }
    }
    fn clear(&mut self, out: &mut Clear) {
        for slot in std::mem::take(self).slots {
            if let Slot::Active(_, value) = slot {
                out.push(value);
            }
        }
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
            match self.slots.get(probe.at()) {
                None | Some(Slot::Unused) => return None,
                Some(Slot::Active(h, value)) if *h == hash && same(value) => return Some(probe.at()),
                Some(Slot::Active(..) | Slot::Dummy) => probe.advance(),
            }
        }
    }

    /// Puts in an element that is known not to be there. False when out of memory.
    pub fn insert_new(&mut self, hash: i64, value: Value) -> bool {
        if self.slots.is_empty() {
            self.slots.resize(MIN_SIZE, Slot::Unused);
        }
        let mut probe = Probe::new(hash, self.mask());
        while !matches!(self.slots.get(probe.at()), None | Some(Slot::Unused)) {
            probe.advance();
        }
        if let Some(slot) = self.slots.get_mut(probe.at()) {
            *slot = Slot::Active(hash, value);
        }
        self.fill += 1;
        self.used += 1;
        self.changes += 1;
        self.fill * 5 < self.mask() * 3 || self.resize(self.growth())
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
        let mut slots = Vec::new();
        if slots.try_reserve_exact(size).is_err() {
            return false;
        }
        slots.resize(size, Slot::Unused);
        let old = std::mem::replace(&mut self.slots, slots);
        for slot in old {
            if let Slot::Active(hash, value) = slot {
                self.place(hash, value);
            }
        }
        self.fill = self.used;
        self.changes += 1;
        true
    }

    /// Puts an element into the first free slot without counting it.
    pub fn place(&mut self, hash: i64, value: Value) {
        let mut probe = Probe::new(hash, self.mask());
        while !matches!(self.slots.get(probe.at()), None | Some(Slot::Unused)) {
            probe.advance();
        }
        if let Some(slot) = self.slots.get_mut(probe.at()) {
            *slot = Slot::Active(hash, value);
        }
    }

    /// Takes out the element in a slot.
    pub fn remove(&mut self, at: usize) -> Option<Value> {
        let slot = self.slots.get_mut(at)?;
        if !matches!(slot, Slot::Active(..)) {
            return None;
        }
        let Slot::Active(_, value) = std::mem::replace(slot, Slot::Dummy) else { return None };
        self.used -= 1;
        self.changes += 1;
        Some(value)
    }

    /// The first element in slot `at` or behind it, and its slot.
    #[inline]
    pub fn next_from(&self, at: usize) -> Option<(usize, i64, &Value)> {
        self.slots.get(at..)?.iter().enumerate().find_map(|(i, slot)| match slot {
            Slot::Active(hash, value) => Some((at + i, *hash, value)),
            Slot::Unused | Slot::Dummy => None,
        })
    }

    /// Hashes and elements in the order of iteration.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &Value)> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Active(hash, value) => Some((*hash, value)),
            Slot::Unused | Slot::Dummy => None,
        })
    }
}
