//! Iterators over dicts. They notice when the dict has changed its size, and that they have met more keys than there were.

use super::Dict;
use crate::types::tuple::{Recycled, Tuple};
use crate::{GilCell, Py, PyResult, Traverse, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// Where an iteration over a dict stands.
#[derive(Traverse)]
pub struct Cursor {
    dict: GilCell<Option<Py<Dict>>>,
    /// Items that the dict had at the beginning; `usize::MAX` once a change has been reported.
    used: Cell<usize>,
    /// Forwards the next place to look at, backwards the last one plus one.
    place: Cell<usize>,
    /// Items still expected.
    left: Cell<usize>,
    /// The pair given out last.
    pair: Recycled,
}

impl Cursor {
    /// At the beginning.
    pub fn forwards(vm: &Vm, dict: Py<Dict>) -> Cursor {
        let used = dict.len(vm);
        Cursor { dict: GilCell::new(Some(dict)), used: Cell::new(used), place: Cell::new(0), left: Cell::new(used), pair: Recycled::default() }
    }

    /// At the end.
    pub fn backwards(vm: &Vm, dict: Py<Dict>) -> Cursor {
        let (used, end) = (dict.len(vm), dict.end(vm));
        Cursor { dict: GilCell::new(Some(dict)), used: Cell::new(used), place: Cell::new(end), left: Cell::new(used), pair: Recycled::default() }
    }

    /// The next item, as `pick` takes it out.
    #[inline]
    pub fn next<R>(&self, vm: &mut Vm, pick: impl FnOnce(&Value, &Value) -> R) -> PyResult<Option<R>> {
        let Some(dict) = self.dict.get(vm) else { return Ok(None) };
        if dict.len(vm) != self.used.get() {
            self.used.set(usize::MAX);
            return Err(vm.runtime_error("dictionary changed size during iteration"));
        }
        match dict.next_from(vm, self.place.get()) {
            None => {
                self.finish(vm);
                Ok(None)
            }
            Some(_) if self.left.get() == 0 => {
                self.finish(vm);
                Err(vm.runtime_error("dictionary keys changed during iteration"))
            }
            Some((next, key, value)) => {
                self.place.set(next);
                self.left.set(self.left.get() - 1);
                Ok(Some(pick(key, value)))
            }
        }
    }

    /// The previous item.
    pub fn previous<R>(&self, vm: &mut Vm, pick: impl FnOnce(&Value, &Value) -> R) -> PyResult<Option<R>> {
        let Some(dict) = self.dict.get(vm) else { return Ok(None) };
        if dict.len(vm) != self.used.get() {
            self.used.set(usize::MAX);
            return Err(vm.runtime_error("dictionary changed size during iteration"));
        }
        let found = self.place.get().checked_sub(1).filter(|&place| place < dict.end(vm)).and_then(|place| dict.prev_from(vm, place));
        match found {
            Some(_) if self.left.get() == 0 => {
                self.finish(vm);
                Err(vm.runtime_error("dictionary keys changed during iteration"))
            }
            Some((place, key, value)) => {
                self.place.set(place);
                self.left.set(self.left.get() - 1);
                Ok(Some(pick(key, value)))
            }
            None => {
                self.finish(vm);
                Ok(None)
            }
        }
    }

    fn finish(&self, vm: &mut Vm) {
        let old = self.dict.replace(vm, None);
        drop(old);
    }

    fn hint(&self, vm: &Vm) -> usize {
        match self.dict.get(vm) {
            Some(dict) if dict.len(vm) == self.used.get() => self.left.get(),
            _ => 0,
        }
    }

    /// What is left, without moving on.
    fn copy(&self, vm: &Vm) -> Cursor {
        Cursor {
            dict: GilCell::new(self.dict.load(vm)),
            used: Cell::new(self.used.get()),
            place: Cell::new(self.place.get()),
            left: Cell::new(self.left.get()),
            pair: Recycled::default(),
        }
    }
}

macro_rules! iterators {
    ($($(#[$doc:meta])* $ty:ident $name:tt $step:ident ($vm:ident, $key:ident, $value:ident) => $pick:expr, $finish:expr;)*) => {$(
        $(#[$doc])*
        #[pyclass(name = $name, flags(DISALLOW_INSTANTIATION), gc)]
        pub struct $ty {
            pub cursor: Cursor,
        }

        impl $ty {
            fn step(cursor: &Cursor, vm: &mut Vm) -> PyResult<Option<Value>> {
                match cursor.$step(vm, |$key, $value| $pick)? {
                    Some(picked) => $finish(vm, cursor, picked).map(Some),
                    None => Ok(None),
                }
            }
        }

        #[pymethods]
        impl $ty {
            #[slot(iter)]
            fn slot_iter(zelf: &Py<$ty>) -> Py<$ty> {
                zelf.clone()
            }

            #[slot(iternext)]
            fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
                Self::step(&self.cursor, vm)
            }

            /// An estimate of the items left.
            #[method(name = "__length_hint__")]
            fn length_hint(&self, vm: &mut Vm) -> PyResult<usize> {
                Ok(self.cursor.hint(vm))
            }

            /// For pickling: an iterator over a list of what is left.
            #[method(name = "__reduce__")]
            fn reduce(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
                let rest = self.cursor.copy(vm);
                let mut items = Vec::new();
                while let Some(item) = Self::step(&rest, vm)? {
                    items.push(item);
                }
                let iter = vm.builtin(n!(iter))?;
                let list = vm.new_list(items)?.into_value();
                let args = vm.new_tuple(vec![list])?.into_value();
                vm.new_tuple(vec![iter, args])
            }
        }
    )*};
}

fn as_is(_: &mut Vm, _: &Cursor, value: Value) -> PyResult {
    Ok(value)
}

fn pair(vm: &mut Vm, cursor: &Cursor, (key, value): (Value, Value)) -> PyResult {
    cursor.pair.pair(vm, key, value)
}

iterators! {
    /// Iterator over keys.
    DictKeyIter "dict_keyiterator" next (vm, key, _value) => key.clone(), as_is;
    /// Iterator over values.
    DictValueIter "dict_valueiterator" next (vm, _key, value) => value.clone(), as_is;
    /// Iterator over pairs of key and value.
    DictItemIter "dict_itemiterator" next (vm, key, value) => (key.clone(), value.clone()), pair;
    /// Iterator over keys, backwards.
    DictReverseKeyIter "dict_reversekeyiterator" previous (vm, key, _value) => key.clone(), as_is;
    /// Iterator over values, backwards.
    DictReverseValueIter "dict_reversevalueiterator" previous (vm, _key, value) => value.clone(), as_is;
    /// Iterator over pairs of key and value, backwards.
    DictReverseItemIter "dict_reverseitemiterator" previous (vm, key, value) => (key.clone(), value.clone()), pair;
}
