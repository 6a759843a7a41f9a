//! `set` and `frozenset`.
//!
//! Both payloads are a [`SetData`]; what they have in common works on that. As with dicts, a look-up under which the set changed starts
//! again, and nothing is borrowed while elements are hashed or compared.

pub mod algebra;
mod methods;
pub mod table;

use crate::types::dict::Dict;
use crate::types::list::List;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyResult, Traverse, Value, Vm, pyclass};
pub use methods::SetIter;
use std::cell::Cell;
use table::{Lookup, Probe, Table};

/// The contents of both kinds of sets.
#[derive(Traverse)]
pub struct SetData {
    pub table: GilCell<Table>,
    /// Of a frozenset: the hash, -1 while not computed.
    pub hash: Cell<i64>,
}

/// Build an unordered collection of unique elements.
#[pyclass(name = "set", flags(BASETYPE, MATCH_SELF), managed, text_signature = "(iterable=(), /)")]
#[repr(C)]
pub struct Set {
    pub data: SetData,
}

/// Build an immutable unordered collection of unique elements.
#[pyclass(name = "frozenset", flags(BASETYPE, MATCH_SELF), managed, text_signature = "(iterable=(), /)")]
#[repr(C)]
pub struct FrozenSet {
    pub data: SetData,
}

/// The contents of `value`, if it is a set or frozenset or an instance of a subtype.
#[inline]
pub fn any_set(value: &Value) -> Option<&SetData> {
    if let Some(set) = value.downcast::<Set>() {
        let set: &Set = set;
        return Some(&set.data);
    }
    let set: &FrozenSet = value.downcast::<FrozenSet>()?;
    Some(&set.data)
}

impl Default for SetData {
    fn default() -> Self {
        SetData { table: GilCell::default(), hash: Cell::new(-1) }
    }
}

impl SetData {
    /// Number of elements.
    #[inline]
    pub fn len(&self, vm: &Vm) -> usize {
        self.table.get(vm).used
    }

    /// Whether there is no element.
    pub fn is_empty(&self, vm: &Vm) -> bool {
        self.len(vm) == 0
    }

    /// The slot of `key`; comparing may run Python code.
    #[inline]
    pub fn find(&self, vm: &mut Vm, key: &Value, hash: i64) -> PyResult<Option<usize>> {
        Ok(self.search(vm, key, hash)?.ok())
    }

    /// The slot of `key`, or the one where it would go.
    #[inline]
    fn search(&self, vm: &mut Vm, key: &Value, hash: i64) -> PyResult<Result<usize, usize>> {
        match self.table.get(vm).lookup(hash, key) {
            Lookup::Found(at) => Ok(Ok(at)),
            Lookup::Free(at) => Ok(Err(at)),
            Lookup::Unsure => self.compare(vm, key, hash),
        }
    }

    /// The same with comparisons that may run Python code.
    #[inline(never)]
    fn compare(&self, vm: &mut Vm, key: &Value, hash: i64) -> PyResult<Result<usize, usize>> {
        use crate::types::list::methods::quick_eq;
        'restart: loop {
            let table = self.table.get(vm);
            let changes = table.changes;
            let mut probe = Probe::new(hash, table.mask());
            loop {
                let Some(slot) = self.table.get(vm).slots.get(probe.at()) else { return Ok(Err(probe.at())) };
                if slot.hash != hash {
                    if slot.is_unused() {
                        return Ok(Err(probe.at()));
                    }
                    probe.advance();
                    continue;
                }
                let undecided = match &slot.value {
                    None if hash == 0 => return Ok(Err(probe.at())),
                    None => None,
                    Some(value) => match quick_eq(value, key) {
                        Some(true) => return Ok(Ok(probe.at())),
                        Some(false) => None,
                        None => Some(value.clone()),
                    },
                };
                if let Some(candidate) = undecided {
                    let equal = vm.eq(&candidate, key)?;
                    if self.table.get(vm).changes != changes {
                        continue 'restart;
                    }
                    if equal {
                        return Ok(Ok(probe.at()));
                    }
                }
                probe.advance();
            }
        }
    }

    /// Whether `key`, which must be hashable, is in the set.
    pub fn contains(&self, vm: &mut Vm, key: &Value) -> PyResult<bool> {
        let hash = hash_element(vm, key)?;
        Ok(self.find(vm, key, hash)?.is_some())
    }

    /// Puts in an element; false if it was there already.
    pub fn add(&self, vm: &mut Vm, key: &Value) -> PyResult<bool> {
        let hash = hash_element(vm, key)?;
        self.add_hashed(vm, key, hash)
    }

    /// Puts in an element whose hash is known.
    pub fn add_hashed(&self, vm: &mut Vm, key: &Value, hash: i64) -> PyResult<bool> {
        let Err(at) = self.search(vm, key, hash)? else { return Ok(false) };
        if self.table.get_mut(vm).insert_at(at, hash, key.clone()) { Ok(true) } else { Err(vm.memory_error()) }
    }

    /// Counts changes of the elements.
    pub fn changes(&self, vm: &Vm) -> u64 {
        self.table.get(vm).changes
    }

    /// Puts in an element of another set, which is looked for only if it is not known to be new.
    pub fn take_over(&self, vm: &mut Vm, key: Value, hash: i64, is_new: bool) -> PyResult<()> {
        if !is_new {
            return self.add_hashed(vm, &key, hash).map(drop);
        }
        if self.table.get_mut(vm).insert_new(hash, key) { Ok(()) } else { Err(vm.memory_error()) }
    }

    /// Takes out an element if it is there, puts it in if it is not.
    pub fn flip(&self, vm: &mut Vm, key: Value, hash: i64) -> PyResult<()> {
        match self.search(vm, &key, hash)? {
            Ok(at) => drop(self.table.get_mut(vm).remove(at)),
            Err(at) => {
                if !self.table.get_mut(vm).insert_at(at, hash, key) {
                    return Err(vm.memory_error());
                }
            }
        }
        Ok(())
    }

    /// Takes out an element; false if it is not there.
    pub fn discard(&self, vm: &mut Vm, key: &Value) -> PyResult<bool> {
        let hash = hash_element(vm, key)?;
        self.discard_hashed(vm, key, hash)
    }

    /// Takes out an element whose hash is known.
    pub fn discard_hashed(&self, vm: &mut Vm, key: &Value, hash: i64) -> PyResult<bool> {
        let Some(at) = self.find(vm, key, hash)? else { return Ok(false) };
        let old = self.table.get_mut(vm).remove(at);
        Ok(old.is_some())
    }

    /// Takes out everything.
    pub fn clear(&self, vm: &mut Vm) {
        let changes = self.table.get(vm).changes + 1;
        let old = self.table.replace(vm, Table { changes, ..Table::default() });
        drop(old);
    }

    /// Copies of the elements in the order of iteration.
    pub fn to_vec(&self, vm: &Vm) -> Vec<Value> {
        self.table.get(vm).iter().map(|(_, v)| v.clone()).collect()
    }

    /// Copies of hashes and elements in the order of iteration.
    pub fn hashed(&self, vm: &Vm) -> Vec<(i64, Value)> {
        self.table.get(vm).iter().map(|(h, v)| (h, v.clone())).collect()
    }

    /// The element in slot `at` or behind it.
    pub fn next_from(&self, vm: &Vm, at: usize) -> Option<(usize, i64, Value)> {
        self.table.get(vm).next_from(at).map(|(i, h, v)| (i, h, v.clone()))
    }

    /// Makes room so that `more` elements fit without growing step by step, as CPython does before it merges.
    fn presize(&self, vm: &mut Vm, more: usize) -> PyResult<()> {
        let table = self.table.get_mut(vm);
        if (table.fill + more) * 5 >= table.mask() * 3 && !table.resize((table.used + more) * 2) {
            return Err(vm.memory_error());
        }
        Ok(())
    }

    /// Takes over the elements of another set.
    pub fn merge(&self, vm: &mut Vm, other: &SetData) -> PyResult<()> {
        if std::ptr::eq(self, other) || other.is_empty(vm) {
            return Ok(());
        }
        self.presize(vm, other.len(vm))?;
        let (mine, theirs) = (self.table.get(vm), other.table.get(vm));
        if mine.fill == 0 {
            let changes = mine.changes + 1;
            let used = theirs.used;
            if mine.mask() == theirs.mask() && theirs.fill == theirs.used {
                let slots = theirs.slots.clone();
                let old = self.table.replace(vm, Table { slots, fill: used, used, finger: 0, changes });
                drop(old);
                return Ok(());
            }
            let mut at = 0;
            while let Some((found, hash, value)) = other.next_from(vm, at) {
                at = found + 1;
                if !self.table.get_mut(vm).place(hash, value) {
                    return Err(vm.memory_error());
                }
            }
            let table = self.table.get_mut(vm);
            (table.fill, table.used, table.changes) = (used, used, changes);
            return Ok(());
        }
        let mut at = 0;
        while let Some((found, hash, value)) = other.next_from(vm, at) {
            self.add_hashed(vm, &value, hash)?;
            at = found + 1;
        }
        Ok(())
    }

    /// Takes over the items of an iterable.
    pub fn update(&self, vm: &mut Vm, other: &Value) -> PyResult<()> {
        if let Some(set) = any_set(other) {
            return self.merge(vm, set);
        }
        if let Some(dict) = other.downcast_exact::<Dict>() {
            self.presize(vm, dict.len(vm))?;
            for (hash, key, _) in dict.hashed_items(vm) {
                self.add_hashed(vm, &key, hash)?;
            }
            return Ok(());
        }
        if let Some(list) = other.downcast_exact::<List>() {
            let mut at = 0;
            while let Some(key) = list.items(vm).get(at).cloned() {
                self.add(vm, &key)?;
                at += 1;
            }
            return Ok(());
        }
        let iterator = vm.iter(other)?;
        while let Some(key) = vm.iter_next(&iterator)? {
            self.add(vm, &key)?;
        }
        Ok(())
    }
}

/// The hash of an element; the TypeError for an unhashable one says what it was to be.
#[inline]
pub fn hash_element(vm: &mut Vm, key: &Value) -> PyResult<i64> {
    let result = vm.hash(key);
    match result {
        Ok(hash) => Ok(hash),
        Err(e) => Err(vm.unhashable(e, key, "a set element")),
    }
}

/// The hash of an element to be looked for: a set stands for the frozenset of its elements (`set` has no hash of its own).
pub fn hash_or_frozen(vm: &mut Vm, key: &Value) -> PyResult<(i64, Option<Value>)> {
    match hash_element(vm, key) {
        Ok(hash) => Ok((hash, None)),
        Err(e) if key.is::<Set>() && vm.is_raised::<crate::types::exceptions::TypeError>(&e) => {
            let frozen = vm.new_frozenset()?;
            frozen.data.update(vm, key)?;
            let frozen = frozen.into_value();
            Ok((vm.hash(&frozen)?, Some(frozen)))
        }
        Err(e) => Err(e),
    }
}

impl Vm {
    /// An empty set.
    pub fn new_set(&mut self) -> PyResult<Py<Set>> {
        self.new_object(Set { data: SetData::default() })
    }

    /// An empty frozenset, to be filled before anybody else sees it.
    pub fn new_frozenset_of(&mut self, items: Vec<Value>) -> PyResult {
        let set = self.new_frozenset()?;
        if let Some(data) = any_set(set.as_value()) {
            for item in &items {
                data.add(self, item)?;
            }
        }
        Ok(set.into_value())
    }

    /// An empty frozenset, to be filled before anybody sees it.
    pub fn new_frozenset(&mut self) -> PyResult<Py<FrozenSet>> {
        self.new_object(FrozenSet { data: SetData::default() })
    }

    /// An empty set of the base type of `like`: `set` or `frozenset`.
    pub fn new_set_like(&mut self, like: &Value) -> PyResult {
        if like.is::<FrozenSet>() { Ok(self.new_frozenset()?.into_value()) } else { Ok(self.new_set()?.into_value()) }
    }

    /// A set or frozenset of the class `cls`, filled from an iterable.
    pub fn new_set_of(&mut self, cls: &Py<PyType>, frozen: bool, iterable: Option<&Value>) -> PyResult {
        let data = SetData::default();
        let new = if frozen {
            self.new_instance(cls, FrozenSet { data })?.into_value()
        } else {
            self.new_instance(cls, Set { data })?.into_value()
        };
        if let (Some(iterable), Some(data)) = (iterable, any_set(&new)) {
            data.update(self, iterable)?;
        }
        Ok(new)
    }

    /// Whether `s` and `value` hold the same characters; for sets of names.
    pub fn set_has_str(&self, set: &SetData, s: &Py<Str>) -> bool {
        let hash = s.hash_value(self);
        set.table.get(self).find(hash, |v| v.downcast_exact::<Str>().is_some_and(|x| x.eq_chars(s))).is_some()
    }
}
