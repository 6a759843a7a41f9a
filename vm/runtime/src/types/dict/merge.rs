//! Filling dicts from mappings and from sequences of pairs.

use super::Dict;
use crate::types::exceptions::TypeError;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Value, Vm};

/// What becomes of a key that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeMode {
    /// The new value replaces the old one.
    Override,
    /// The old value stays.
    Keep,
    /// KeyError with the key (duplicate keyword arguments).
    Raise,
}

impl Dict {
    /// Whether iterating `value` goes through the items of a dict as they are: a dict, or a subtype without an `__iter__` of its own.
    fn plain_source(vm: &Vm, value: &Value) -> bool {
        let dict_type = <Dict as crate::PyClass>::type_object(vm);
        if value.ty().is(dict_type) {
            return true;
        }
        if !value.is::<Dict>() {
            return false;
        }
        match (value.type_ref().slots.iter.get(), dict_type.slots.iter.get()) {
            (Some(a), Some(b)) => std::ptr::fn_addr_eq(a, b),
            _ => false,
        }
    }

    fn merge_one(&self, vm: &mut Vm, key: &Value, hash: i64, value: Value, mode: MergeMode) -> PyResult<()> {
        if mode == MergeMode::Override {
            return self.set_hashed(vm, key, hash, value);
        }
        match self.find(vm, key, hash)? {
            Some(_) if mode == MergeMode::Raise => Err(vm.key_error(key)),
            Some(_) => Ok(()),
            None => self.set_hashed(vm, key, hash, value),
        }
    }

    /// Takes over all items of a mapping: a dict, or anything with `keys` and `__getitem__` (`PyDict_Merge`).
    pub fn merge(&self, vm: &mut Vm, source: &Value, mode: MergeMode) -> PyResult<()> {
        if let Some(other) = source.downcast::<Dict>().filter(|_| Dict::plain_source(vm, source)) {
            return self.merge_dict(vm, other, mode);
        }
        let keys = vm.call_method(source, n!(keys), &[])?;
        let iterator = vm.iter(&keys)?;
        while let Some(key) = vm.iter_next(&iterator)? {
            let hash = Dict::hash_key(vm, &key)?;
            if mode != MergeMode::Override && self.find(vm, &key, hash)?.is_some() {
                if mode == MergeMode::Raise {
                    return Err(vm.key_error(&key));
                }
                continue;
            }
            let value = vm.getitem(source, &key)?;
            self.set_hashed(vm, &key, hash, value)?;
        }
        Ok(())
    }

    /// Takes over all items of another dict.
    pub fn merge_dict(&self, vm: &mut Vm, other: &Dict, mode: MergeMode) -> PyResult<()> {
        if std::ptr::eq(self, other) || other.is_empty(vm) {
            return Ok(());
        }
        if self.is_empty(vm) {
            return self.copy_from(vm, other);
        }
        let changes = other.changes(vm);
        let mut place = 0;
        loop {
            let Some((next, key, value)) = other.next_from(vm, place) else { return Ok(()) };
            let (key, value) = (key.clone(), value.clone());
            let hash = other.hash_at(vm, next - 1).unwrap_or(0);
            place = next;
            self.merge_one(vm, &key, hash, value, mode)?;
            if other.changes(vm) != changes {
                return Err(vm.runtime_error("dict mutated during update"));
            }
        }
    }

    /// Takes over pairs of key and value (`PyDict_MergeFromSeq2`).
    pub fn merge_pairs(&self, vm: &mut Vm, pairs: &Value, mode: MergeMode) -> PyResult<()> {
        let iterator = vm.iter(pairs)?;
        let mut number = 0usize;
        while let Some(pair) = vm.iter_next(&iterator)? {
            let items = match vm.sequence_fast(&pair, "object is not iterable") {
                Ok(items) => items,
                Err(e) if vm.is_raised::<TypeError>(&e) => {
                    let note = format!("Cannot convert dictionary update sequence element #{number} to a sequence");
                    return Err(vm.with_note(e, &note));
                }
                Err(e) => return Err(e),
            };
            let [key, value] = items.as_slice() else {
                let n = items.len();
                return Err(vm.value_error(format!("dictionary update sequence element #{number} has length {n}; 2 is required")));
            };
            let hash = Dict::hash_key(vm, key)?;
            self.merge_one(vm, key, hash, value.clone(), mode)?;
            number += 1;
        }
        Ok(())
    }

    /// What `dict(x)` and `dict.update(x)` do with `x`.
    pub fn update_from(&self, vm: &mut Vm, source: &Value) -> PyResult<()> {
        if source.is_exact::<Dict>() {
            return self.merge(vm, source, MergeMode::Override);
        }
        match vm.getattr_opt(source, n!(keys))? {
            Some(_) => self.merge(vm, source, MergeMode::Override),
            None => self.merge_pairs(vm, source, MergeMode::Override),
        }
    }

    /// The common part of `dict()` and `dict.update()`.
    pub fn update_common(&self, vm: &mut Vm, args: Args<'_>, name: &str) -> PyResult<()> {
        crate::args::check_positional(vm, name, args.positional().len(), 0, 1)?;
        if let Some(source) = args.positional().first() {
            self.update_from(vm, source)?;
        }
        for (key, value) in args.keywords() {
            if !key.is::<crate::types::str_::Str>() {
                return Err(vm.type_error("keywords must be strings"));
            }
            self.set(vm, key, value.clone())?;
        }
        Ok(())
    }

    /// A new plain dict with the same items.
    pub fn copy(&self, vm: &mut Vm) -> PyResult<Py<Dict>> {
        let copy = vm.new_dict()?;
        copy.copy_from(vm, self)?;
        Ok(copy)
    }

    /// Whether the two dicts have equal items.
    pub fn equals(&self, vm: &mut Vm, other: &Dict) -> PyResult<bool> {
        if self.len(vm) != other.len(vm) {
            return Ok(false);
        }
        let mut place = 0;
        loop {
            let Some((next, key, value)) = self.next_from(vm, place) else { return Ok(true) };
            let (key, value) = (key.clone(), value.clone());
            let hash = self.hash_at(vm, next - 1).unwrap_or(0);
            place = next;
            let Some(found) = other.get_hashed(vm, &key, hash)? else { return Ok(false) };
            if !vm.eq(&value, &found)? {
                return Ok(false);
            }
        }
    }
}

impl Vm {
    /// The TypeError for an unhashable key or element, worded with what it was to be; other exceptions stay as they are.
    #[cold]
    pub fn unhashable(&mut self, raised: crate::Raised, key: &Value, role: &str) -> crate::Raised {
        if !raised.exception().as_value().is_exact::<TypeError>() {
            return raised;
        }
        let name = key.type_name();
        let text = match self.str(raised.exception().as_value()) {
            Ok(text) => text.to_string_lossy().into_owned(),
            Err(e) => return e,
        };
        self.type_error(format!("cannot use '{name}' as {role} ({text})"))
    }

    /// Adds a note to an exception, as `add_note` does.
    #[cold]
    pub fn with_note(&mut self, raised: crate::Raised, note: &str) -> crate::Raised {
        let result = self.new_str(note).and_then(|note| {
            let method = self.intern("add_note");
            let exception = raised.exception().to_value();
            self.call_method(&exception, &method, &[note.into_value()])
        });
        match result {
            Ok(_) => raised,
            Err(e) => e,
        }
    }
}
