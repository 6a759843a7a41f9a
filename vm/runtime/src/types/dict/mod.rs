//! `dict`: compact and ordered, as CPython's since 3.6 (R. Hettinger, "More compact dictionaries with faster iteration", 2012).
//!
//! A table of indices, open addressing with CPython's perturbed probing, points into a vector of entries in insertion order. A deleted
//! entry leaves a hole; holes go when the table grows. Comparing keys may run Python code that changes the very dict: look-ups
//! therefore restart when the dict was changed under them.

use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass};
use krait_heap::{Clear, Visit};
use std::cell::Cell;

mod cursor;
mod merge;
mod methods;
pub mod views;

pub use merge::MergeMode;
pub use cursor::{DictItemIter, DictKeyIter, DictReverseItemIter, DictReverseKeyIter, DictReverseValueIter, DictValueIter};
pub use views::{DictItems, DictKeys, DictValues};

/// The payload of `dict`.
#[pyclass(name = "dict", flags(BASETYPE, DICT_SUBCLASS, MAPPING, MATCH_SELF), gc)]
pub struct Dict {
    table: GilCell<Table>,
    /// Stamp of the set of keys and their places, for inline caches; 0 while not stamped.
    pub keys_version: Cell<u32>,
}

#[derive(Clone)]
struct Entry {
    hash: i64,
    key: Value,
    value: Value,
}

impl krait_heap::Traverse for Entry {
    fn traverse(&self, visit: &mut Visit<'_>) {
        visit(&self.key);
        visit(&self.value);
    }
    fn clear(&mut self, _: &mut Clear) {}
}

#[derive(Default)]
struct Table {
    indices: Vec<i32>,
    entries: Vec<Option<Entry>>,
    used: usize,
    /// Entries below this are holes.
    first: usize,
    /// Index slots that are not empty, or have been so since the last rebuild.
    filled: usize,
    /// Counts changes of keys, so that a look-up under which the dict changed notices.
    changes: u64,
    /// Counts how often the index was made anew.
    rebuilds: u64,
}

impl krait_heap::Traverse for Table {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.entries.iter().flatten().for_each(|e| e.traverse(visit));
    }
    fn clear(&mut self, out: &mut Clear) {
        for e in std::mem::take(self).entries.into_iter().flatten() {
            out.push(e.key);
            out.push(e.value);
        }
    }
}

const EMPTY: i32 = -1;
const DELETED: i32 = -2;
const MIN_SIZE: usize = 8;

/// What probing one slot after another meets.
struct Probe {
    mask: usize,
    at: usize,
    perturb: u64,
}

impl Probe {
    #[inline(always)]
    fn new(hash: i64, size: usize) -> Probe {
        Probe { mask: size.wrapping_sub(1), at: hash as usize & size.wrapping_sub(1), perturb: hash as u64 }
    }

    #[inline(always)]
    fn advance(&mut self) {
        self.perturb >>= 5;
        self.at = self.at.wrapping_mul(5).wrapping_add(self.perturb as usize).wrapping_add(1) & self.mask;
    }
}

impl Table {
    /// The place of an entry for which `same` says yes; `same` is only asked for entries with this hash.
    #[inline(always)]
    fn find(&self, hash: i64, same: impl Fn(&Entry) -> bool) -> Option<usize> {
        if self.indices.is_empty() {
            return None;
        }
        let mut probe = Probe::new(hash, self.indices.len());
        loop {
            match *self.indices.get(probe.at)? {
                EMPTY => return None,
                DELETED => {}
                i => {
                    if let Some(Some(entry)) = self.entries.get(i as usize)
                        && entry.hash == hash && same(entry) {
                            return Some(i as usize);
                        }
                }
            }
            probe.advance();
        }
    }

    /// The slot in `indices` that points at entry `place`.
    fn slot_of(&self, hash: i64, place: usize) -> Option<usize> {
        let mut probe = Probe::new(hash, self.indices.len());
        for _ in 0..=self.indices.len().saturating_mul(8) {
            match *self.indices.get(probe.at)? {
                EMPTY => return None,
                i if i as usize == place && i >= 0 => return Some(probe.at),
                _ => {}
            }
            probe.advance();
        }
        None
    }

    /// Differs once the entries have been placed anew.
    fn stamp(&self) -> (u64, *const i32) {
        (self.rebuilds, self.indices.as_ptr())
    }

    fn rebuild(&mut self, size: usize) {
        self.rebuilds += 1;
        self.entries.retain(Option::is_some);
        self.filled = self.entries.len();
        self.first = 0;
        self.indices.clear();
        self.indices.resize(size, EMPTY);
        for (i, entry) in self.entries.iter().enumerate() {
            if let Some(entry) = entry {
                let mut probe = Probe::new(entry.hash, size);
                while self.indices.get(probe.at).is_some_and(|&x| x != EMPTY) {
                    probe.advance();
                }
                if let Some(slot) = self.indices.get_mut(probe.at) {
                    *slot = i as i32;
                }
            }
        }
    }

    /// Room for one more entry: usable is two thirds of the size, as in CPython.
    fn reserve_one(&mut self) -> bool {
        let usable = self.indices.len() * 2 / 3;
        if self.filled < usable {
            return true;
        }
        let size = (self.used * 3).max(MIN_SIZE).next_power_of_two();
        if size > i32::MAX as usize || self.entries.try_reserve(size * 2 / 3 - self.used.min(size * 2 / 3)).is_err() {
            return false;
        }
        self.rebuild(size);
        true
    }

    /// Appends an entry that is not there yet. False when out of memory.
    fn insert_new(&mut self, hash: i64, key: Value, value: Value) -> bool {
        if !self.reserve_one() {
            return false;
        }
        let mut probe = Probe::new(hash, self.indices.len());
        while self.indices.get(probe.at).is_some_and(|&x| x >= 0) {
            probe.advance();
        }
        if let Some(slot) = self.indices.get_mut(probe.at) {
            *slot = self.entries.len() as i32;
        }
        self.entries.push(Some(Entry { hash, key, value }));
        self.used += 1;
        self.filled += 1;
        self.changes += 1;
        true
    }

    fn remove(&mut self, place: usize) -> Option<Entry> {
        let hash = self.entries.get(place)?.as_ref()?.hash;
        let slot = self.slot_of(hash, place)?;
        if let Some(s) = self.indices.get_mut(slot) {
            *s = DELETED;
        }
        self.used -= 1;
        self.changes += 1;
        if place == self.first {
            self.first += 1;
        }
        self.entries.get_mut(place)?.take()
    }

    /// The last entry. Its place and those of holes behind it are used again, as in CPython.
    fn pop_last(&mut self) -> Option<Entry> {
        let place = self.entries.iter().rposition(Option::is_some)?;
        let entry = self.remove(place);
        self.entries.truncate(place);
        self.first = self.first.min(place);
        entry
    }

    /// Makes the entry at `place` the first or the last one.
    fn move_to(&mut self, place: usize, last: bool) -> bool {
        let Some(entry) = self.remove(place) else { return true };
        if last {
            return self.insert_new(entry.hash, entry.key, entry.value);
        }
        self.used += 1;
        self.changes += 1;
        match self.first.checked_sub(1) {
            Some(hole) => {
                // A hole in front takes it; its index slot is found by rebuilding nothing but this one.
                let mut probe = Probe::new(entry.hash, self.indices.len());
                while self.indices.get(probe.at).is_some_and(|&x| x >= 0) {
                    probe.advance();
                }
                if let (Some(slot), Some(e)) = (self.indices.get_mut(probe.at), self.entries.get_mut(hole)) {
                    *slot = hole as i32;
                    *e = Some(entry);
                    self.first = hole;
                }
                true
            }
            None => {
                self.entries.insert(0, Some(entry));
                self.rebuild(self.indices.len());
                true
            }
        }
    }
}

/// Whether `key` may be compared without running Python code, and how.
#[inline(always)]
fn plain_str(key: &Value) -> Option<&Py<Str>> {
    key.downcast_exact::<Str>()
}

impl Dict {
    /// An empty payload.
    pub fn new() -> Dict {
        Dict { table: GilCell::default(), keys_version: Cell::new(0) }
    }

    /// Number of items.
    #[inline(always)]
    pub fn len(&self, vm: &Vm) -> usize {
        self.table.get(vm).used
    }

    /// Whether there is no item.
    pub fn is_empty(&self, vm: &Vm) -> bool {
        self.len(vm) == 0
    }

    /// Changes whenever a key comes or goes; iterators compare it.
    pub fn changes(&self, vm: &Vm) -> u64 {
        self.table.get(vm).changes
    }

    /// The value of a `str` key, compared by characters. Runs nothing, but misses keys that only *claim* to be equal: use it where keys are names.
    #[inline]
    pub fn get_str<'a>(&'a self, vm: &'a Vm, key: &Py<Str>) -> Option<&'a Value> {
        let place = self.find_str(vm, key)?;
        self.value_at(vm, place)
    }

    /// The place of a `str` key.
    #[inline]
    pub fn find_str(&self, vm: &Vm, key: &Py<Str>) -> Option<usize> {
        let hash = key.hash_value(vm);
        self.table.get(vm).find(hash, |e| e.key.is_same(key.as_value()) || e.key.downcast::<Str>().is_some_and(|k| k.eq_chars(key)))
    }

    /// The value at a place that `find` gave, while nothing has changed.
    #[inline(always)]
    pub fn value_at<'a>(&'a self, vm: &'a Vm, place: usize) -> Option<&'a Value> {
        self.table.get(vm).entries.get(place)?.as_ref().map(|e| &e.value)
    }

    /// Key and value at a place.
    #[inline]
    pub fn entry_at<'a>(&'a self, vm: &'a Vm, place: usize) -> Option<(&'a Value, &'a Value)> {
        self.table.get(vm).entries.get(place)?.as_ref().map(|e| (&e.key, &e.value))
    }

    /// Hash of the key at a place.
    pub fn hash_at(&self, vm: &Vm, place: usize) -> Option<i64> {
        self.table.get(vm).entries.get(place)?.as_ref().map(|e| e.hash)
    }

    /// Puts another value at a place, without touching the key. Gives back the old value (or the new one if there is no such place).
    #[inline]
    pub fn set_value_at(&self, vm: &mut Vm, place: usize, value: Value) -> Option<Value> {
        match self.table.get_mut(vm).entries.get_mut(place) {
            Some(Some(e)) => Some(std::mem::replace(&mut e.value, value)),
            _ => Some(value),
        }
    }

    /// Places in use are below this.
    #[inline]
    pub fn end(&self, vm: &Vm) -> usize {
        self.table.get(vm).entries.len()
    }

    /// Key and value of the first item at `place` or behind it, and the next place to go on from.
    #[inline]
    pub fn next_from<'a>(&'a self, vm: &'a Vm, place: usize) -> Option<(usize, &'a Value, &'a Value)> {
        let table = self.table.get(vm);
        let entries = &table.entries;
        (place.max(table.first)..entries.len()).find_map(|i| entries.get(i)?.as_ref().map(|e| (i + 1, &e.key, &e.value)))
    }

    /// The items in order.
    pub fn iter<'a>(&'a self, vm: &'a Vm) -> impl DoubleEndedIterator<Item = (&'a Value, &'a Value)> {
        self.table.get(vm).entries.iter().flatten().map(|e| (&e.key, &e.value))
    }

    /// Copies of the items.
    pub fn to_vec(&self, vm: &Vm) -> Vec<(Value, Value)> {
        self.iter(vm).map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    fn keys_changed(&self) {
        self.keys_version.set(0);
    }

    /// The place of `key`; comparing may run Python code.
    pub fn find(&self, vm: &mut Vm, key: &Value, hash: i64) -> PyResult<Option<usize>> {
        if let Some(s) = plain_str(key) {
            let only_str = |e: &Entry| e.key.is_same(key) || plain_str(&e.key).is_some_and(|k| k.eq_chars(s));
            let table = self.table.get(vm);
            if let Some(place) = table.find(hash, only_str) {
                return Ok(Some(place));
            }
            if table.find(hash, |e| plain_str(&e.key).is_none()).is_none() {
                return Ok(None);
            }
        }
        'restart: loop {
            let stamp = self.table.get(vm).stamp();
            let mut probe = Probe::new(hash, self.table.get(vm).indices.len());
            loop {
                let table = self.table.get(vm);
                let place = match table.indices.get(probe.at) {
                    None | Some(&EMPTY) => return Ok(None),
                    Some(&DELETED) => None,
                    Some(&i) => Some(i as usize),
                };
                if let Some((place, Some(entry))) = place.and_then(|p| Some((p, table.entries.get(p)?.as_ref()))) {
                    if entry.key.is_same(key) {
                        return Ok(Some(place));
                    }
                    if entry.hash == hash {
                        let candidate = entry.key.clone();
                        let equal = vm.eq(&candidate, key)?;
                        // Changes elsewhere in the table do no harm, as in CPython.
                        let table = self.table.get(vm);
                        let stays = table.entries.get(place).and_then(Option::as_ref).is_some_and(|e| e.key.is_same(&candidate));
                        if !stays || table.stamp() != stamp {
                            continue 'restart;
                        }
                        if equal {
                            return Ok(Some(place));
                        }
                    }
                }
                probe.advance();
            }
        }
    }

    /// The value of `key`, which must be hashable.
    pub fn get(&self, vm: &mut Vm, key: &Value) -> PyResult<Option<Value>> {
        let hash = Dict::hash_key(vm, key)?;
        self.get_hashed(vm, key, hash)
    }

    /// The value of `key`, whose hash is known.
    pub fn get_hashed(&self, vm: &mut Vm, key: &Value, hash: i64) -> PyResult<Option<Value>> {
        Ok(self.find(vm, key, hash)?.and_then(|place| self.value_at(vm, place).cloned()))
    }

    /// Whether there is such a key.
    pub fn contains(&self, vm: &mut Vm, key: &Value) -> PyResult<bool> {
        let hash = Dict::hash_key(vm, key)?;
        Ok(self.find(vm, key, hash)?.is_some())
    }

    /// `self[key] = value`.
    pub fn set(&self, vm: &mut Vm, key: &Value, value: Value) -> PyResult<()> {
        let hash = Dict::hash_key(vm, key)?;
        self.set_hashed(vm, key, hash, value)
    }

    /// `self[key] = value` with the hash known.
    pub fn set_hashed(&self, vm: &mut Vm, key: &Value, hash: i64, value: Value) -> PyResult<()> {
        match self.find(vm, key, hash)? {
            Some(place) => {
                let old = self.set_value_at(vm, place, value);
                drop(old);
                Ok(())
            }
            None => self.insert_new(vm, key.clone(), hash, value),
        }
    }

    /// Puts in an item whose key is known not to be there, by a look-up after which nothing has changed.
    pub fn insert_missing(&self, vm: &mut Vm, key: Value, hash: i64, value: Value) -> PyResult<()> {
        self.insert_new(vm, key, hash, value)
    }

    fn insert_new(&self, vm: &mut Vm, key: Value, hash: i64, value: Value) -> PyResult<()> {
        self.keys_changed();
        if self.table.get_mut(vm).insert_new(hash, key, value) { Ok(()) } else { Err(vm.memory_error()) }
    }

    /// Sets a name. Runs nothing; see [`Dict::get_str`].
    pub fn set_str(&self, vm: &mut Vm, key: &Py<Str>, value: Value) -> PyResult<()> {
        match self.find_str(vm, key) {
            Some(place) => {
                let old = self.set_value_at(vm, place, value);
                drop(old);
                Ok(())
            }
            None => {
                let hash = key.hash_value(vm);
                self.insert_new(vm, key.to_value(), hash, value)
            }
        }
    }

    /// Takes out the item at a place.
    pub fn remove_at(&self, vm: &mut Vm, place: usize) -> Option<(Value, Value)> {
        self.keys_changed();
        let entry = self.table.get_mut(vm).remove(place)?;
        Some((entry.key, entry.value))
    }

    /// Takes out a name. Runs nothing; see [`Dict::get_str`].
    pub fn remove_str(&self, vm: &mut Vm, key: &Py<Str>) -> Option<Value> {
        let place = self.find_str(vm, key)?;
        self.remove_at(vm, place).map(|(_, v)| v)
    }

    /// Takes out `key`; none if it is not there.
    pub fn remove(&self, vm: &mut Vm, key: &Value) -> PyResult<Option<Value>> {
        let hash = Dict::hash_key(vm, key)?;
        let found = self.find(vm, key, hash)?;
        Ok(found.and_then(|place| self.remove_at(vm, place)).map(|(_, v)| v))
    }

    /// Takes out everything.
    pub fn clear(&self, vm: &mut Vm) {
        self.keys_changed();
        let changes = self.changes(vm) + 1;
        let old = self.table.replace(vm, Table { changes, rebuilds: changes + 1, ..Table::default() });
        drop(old);
    }

    /// A copy of all items, without hashing; only keys that are here already are compared.
    pub fn copy_from(&self, vm: &mut Vm, other: &Dict) -> PyResult<()> {
        if !self.is_empty(vm) {
            for (hash, key, value) in other.hashed_items(vm) {
                self.set_hashed(vm, &key, hash, value)?;
            }
            return Ok(());
        }
        let changes = self.changes(vm) + 1;
        let source = other.table.get(vm);
        let mut entries = Vec::new();
        if entries.try_reserve_exact(source.used).is_err() {
            return Err(vm.memory_error());
        }
        let dense = source.used == source.entries.len();
        entries.extend(source.entries.iter().filter(|e| e.is_some()).cloned());
        let mut copy = Table { indices: Vec::new(), entries, used: source.used, first: 0, filled: source.filled, changes, rebuilds: changes + 1 };
        if dense && source.filled == source.used {
            copy.indices.clone_from(&source.indices);
        } else if source.used > 0 {
            copy.rebuild((source.used * 3 / 2 + 1).max(MIN_SIZE).next_power_of_two());
        }
        self.keys_changed();
        let old = self.table.replace(vm, copy);
        drop(old);
        Ok(())
    }

    /// Copies of the items with their hashes.
    pub fn hashed_items(&self, vm: &Vm) -> Vec<(i64, Value, Value)> {
        self.table.get(vm).entries.iter().flatten().map(|e| (e.hash, e.key.clone(), e.value.clone())).collect()
    }

    /// Takes out the last item.
    pub fn pop_last(&self, vm: &mut Vm) -> Option<(Value, Value)> {
        self.keys_changed();
        let entry = self.table.get_mut(vm).pop_last()?;
        Some((entry.key, entry.value))
    }

    /// Makes the item at `place` the first or the last one.
    pub fn move_to(&self, vm: &mut Vm, place: usize, last: bool) -> PyResult<()> {
        self.keys_changed();
        if self.table.get_mut(vm).move_to(place, last) { Ok(()) } else { Err(vm.memory_error()) }
    }

    /// Key and value of the last item at `place` or before it, and that place.
    pub fn prev_from<'a>(&'a self, vm: &'a Vm, place: usize) -> Option<(usize, &'a Value, &'a Value)> {
        let entries = &self.table.get(vm).entries;
        let end = entries.len().min(place.saturating_add(1));
        (0..end).rev().find_map(|i| entries.get(i)?.as_ref().map(|e| (i, &e.key, &e.value)))
    }

    /// The hash of a key; the TypeError for an unhashable one says what it was to be.
    #[inline]
    pub fn hash_key(vm: &mut Vm, key: &Value) -> PyResult<i64> {
        let result = vm.hash(key);
        match result {
            Ok(hash) => Ok(hash),
            Err(e) => Err(vm.unhashable(e, key, "a dict key")),
        }
    }

    /// Number of slots of the hash table.
    pub fn index_size(&self, vm: &Vm) -> usize {
        self.table.get(vm).indices.len()
    }

    /// Bytes that the dict takes, as `__sizeof__` counts them.
    pub fn size_of(&self, vm: &Vm) -> usize {
        let table = self.table.get(vm);
        48 + if table.indices.is_empty() {
            0
        } else {
            let n = table.indices.len();
            let index = if n <= 1 << 7 { 1 } else if n <= 1 << 15 { 2 } else { 4 };
            32 + n * index + (n * 2 / 3) * 24
        }
    }
}

impl Default for Dict {
    fn default() -> Self {
        Self::new()
    }
}

impl Vm {
    /// An empty dict.
    pub fn new_dict(&mut self) -> PyResult<Py<Dict>> {
        self.new_object(Dict::new())
    }

    /// The dict that `value` is, if exactly a dict or an instance of a subclass.
    pub fn as_dict<'a>(&self, value: &'a Value) -> Option<&'a Py<Dict>> {
        value.is::<Dict>().then(|| value.downcast::<Dict>()).flatten()
    }
}
