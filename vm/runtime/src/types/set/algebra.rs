//! Operations between sets and iterables, with CPython's choice of which side is walked, as that decides the order of the result.

use super::{SetData, any_set, hash_element};
use crate::types::dict::Dict;
use crate::{PyResult, Value, Vm};

/// A copy as the base type.
pub fn copy(vm: &mut Vm, set: &Value) -> PyResult {
    let new = vm.new_set_like(set)?;
    if let Some(d) = any_set(&new) {
        d.update(vm, set)?;
    }
    Ok(new)
}

/// `set.intersection(other)`.
pub fn intersection(vm: &mut Vm, set: &Value, other: &Value) -> PyResult {
    if set.is_same(other) {
        return copy(vm, set);
    }
    let result = vm.new_set_like(set)?;
    let (Some(out), Some(mine)) = (any_set(&result), any_set(set)) else { return Ok(result.clone()) };
    if let Some(theirs) = any_set(other) {
        let (walked, asked) = if theirs.len(vm) > mine.len(vm) { (mine, theirs) } else { (theirs, mine) };
        let (mut at, changes) = (0, walked.changes(vm));
        while let Some((found, hash, key)) = walked.next_from(vm, at) {
            at = found + 1;
            if asked.find(vm, &key, hash)?.is_some() {
                out.take_over(vm, key, hash, walked.changes(vm) == changes)?;
            }
        }
        return Ok(result);
    }
    let iterator = vm.iter(other)?;
    while let Some(key) = vm.iter_next(&iterator)? {
        let hash = hash_element(vm, &key)?;
        if mine.find(vm, &key, hash)?.is_some() {
            out.add_hashed(vm, &key, hash)?;
        }
    }
    Ok(result)
}

/// Puts the contents of `new`, a set nobody else knows, into `set`.
pub fn replace_contents(vm: &mut Vm, set: &SetData, new: &Value) {
    let Some(new) = any_set(new) else { return };
    let mut table = std::mem::take(new.table.get_mut(vm));
    table.changes = table.changes.max(set.table.get(vm).changes) + 1;
    let old = set.table.replace(vm, table);
    drop(old);
}

/// `set.difference_update(other)`.
pub fn difference_update(vm: &mut Vm, set: &Value, other: &Value) -> PyResult<()> {
    let Some(mine) = any_set(set) else { return Ok(()) };
    if set.is_same(other) {
        mine.clear(vm);
        return Ok(());
    }
    if let Some(theirs) = any_set(other) {
        // Much larger than this one: what they have in common is found faster first.
        let common;
        let theirs = if theirs.len(vm) >> 3 > mine.len(vm) {
            common = intersection(vm, set, other)?;
            any_set(&common).unwrap_or(theirs)
        } else {
            theirs
        };
        let mut at = 0;
        while let Some((found, hash, key)) = theirs.next_from(vm, at) {
            at = found + 1;
            mine.discard_hashed(vm, &key, hash)?;
        }
    } else {
        let iterator = vm.iter(other)?;
        while let Some(key) = vm.iter_next(&iterator)? {
            mine.discard(vm, &key)?;
        }
    }
    let table = mine.table.get_mut(vm);
    if table.fill - table.used > table.mask() / 4 {
        let growth = table.growth();
        if !table.resize(growth) {
            return Err(vm.memory_error());
        }
    }
    Ok(())
}

/// `set.difference(other)`.
pub fn difference(vm: &mut Vm, set: &Value, other: &Value) -> PyResult {
    let Some(mine) = any_set(set) else { return copy(vm, set) };
    let dict = other.downcast_exact::<Dict>();
    let other_len = match (any_set(other), dict) {
        (Some(theirs), _) => theirs.len(vm),
        (None, Some(dict)) => dict.len(vm),
        (None, None) => usize::MAX,
    };
    if other_len == usize::MAX || mine.len(vm) >> 2 > other_len {
        let result = copy(vm, set)?;
        difference_update(vm, &result, other)?;
        return Ok(result);
    }
    let result = vm.new_set_like(set)?;
    let Some(out) = any_set(&result) else { return Ok(result.clone()) };
    let (mut at, changes) = (0, mine.changes(vm));
    while let Some((found, hash, key)) = mine.next_from(vm, at) {
        at = found + 1;
        let there = match (any_set(other), dict) {
            (Some(theirs), _) => theirs.find(vm, &key, hash)?.is_some(),
            (None, Some(dict)) => dict.find(vm, &key, hash)?.is_some(),
            (None, None) => false,
        };
        if !there {
            out.take_over(vm, key, hash, mine.changes(vm) == changes)?;
        }
    }
    Ok(result)
}

/// `set.symmetric_difference_update(other)`.
pub fn symmetric_update(vm: &mut Vm, set: &Value, other: &Value) -> PyResult<()> {
    let Some(mine) = any_set(set) else { return Ok(()) };
    if set.is_same(other) {
        mine.clear(vm);
        return Ok(());
    }
    if let Some(dict) = other.downcast_exact::<Dict>() {
        for (hash, key, _) in dict.hashed_items(vm) {
            mine.flip(vm, key, hash)?;
        }
        return Ok(());
    }
    let made;
    let theirs = match any_set(other) {
        Some(theirs) => theirs,
        None => {
            made = vm.new_set_like(set)?;
            let Some(d) = any_set(&made) else { return Ok(()) };
            d.update(vm, other)?;
            d
        }
    };
    let mut at = 0;
    while let Some((found, hash, key)) = theirs.next_from(vm, at) {
        at = found + 1;
        mine.flip(vm, key, hash)?;
    }
    Ok(())
}

/// `set.symmetric_difference(other)`.
pub fn symmetric_difference(vm: &mut Vm, set: &Value, other: &Value) -> PyResult {
    let result = vm.new_set_like(set)?;
    if let Some(d) = any_set(&result) {
        d.update(vm, other)?;
    }
    symmetric_update(vm, &result, set)?;
    Ok(result)
}

/// Whether every element of `set` is in `other`.
pub fn is_subset(vm: &mut Vm, set: &SetData, other: &SetData) -> PyResult<bool> {
    if set.len(vm) > other.len(vm) {
        return Ok(false);
    }
    let mut at = 0;
    while let Some((found, hash, key)) = set.next_from(vm, at) {
        at = found + 1;
        if other.find(vm, &key, hash)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `set.isdisjoint(other)`.
pub fn is_disjoint(vm: &mut Vm, set: &Value, other: &Value) -> PyResult<bool> {
    let Some(mine) = any_set(set) else { return Ok(true) };
    if set.is_same(other) {
        return Ok(mine.is_empty(vm));
    }
    if let Some(theirs) = any_set(other) {
        let (walked, asked) = if theirs.len(vm) > mine.len(vm) { (mine, theirs) } else { (theirs, mine) };
        let mut at = 0;
        while let Some((found, hash, key)) = walked.next_from(vm, at) {
            at = found + 1;
            if asked.find(vm, &key, hash)?.is_some() {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    let iterator = vm.iter(other)?;
    while let Some(key) = vm.iter_next(&iterator)? {
        if mine.contains(vm, &key)? {
            return Ok(false);
        }
    }
    Ok(true)
}
