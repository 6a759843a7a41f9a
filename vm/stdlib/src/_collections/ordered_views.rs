//! Views and the iterator of `OrderedDict`.

use super::ordered_dict::OrderedDict;
use krait_runtime::types::dict::{Dict, DictItems, DictKeys, DictValues};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::{GilCell, Py, PyResult, Value, Vm, n, pyclass, pymethods};
use std::cell::Cell;

/// What an iterator gives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Gives {
    Keys,
    Values,
    Items,
}

impl krait_heap::Traverse for Gives {
    fn traverse(&self, _: &mut krait_heap::Visit<'_>) {}
    fn clear(&mut self, _: &mut krait_heap::Clear) {}
}

/// The iterator of `OrderedDict`: it follows the keys, and looks values up as `self[key]` does.
#[pyclass(module = "builtins", name = "odict_iterator", flags(DISALLOW_INSTANTIATION), gc)]
pub struct OrderedIter {
    dict: GilCell<Option<Py<Dict>>>,
    changes: Cell<u64>,
    used: Cell<usize>,
    /// Forwards the next place, backwards the last one plus one.
    place: Cell<usize>,
    backwards: bool,
    gives: Gives,
}

impl OrderedIter {
    /// Over a dict, from its first or last item.
    pub fn new(vm: &mut Vm, dict: Py<Dict>, gives: Gives, backwards: bool) -> PyResult<Py<OrderedIter>> {
        let place = if backwards { dict.end(vm) } else { 0 };
        let (changes, used) = (dict.changes(vm), dict.len(vm));
        vm.new_object(OrderedIter {
            dict: GilCell::new(Some(dict)),
            changes: Cell::new(changes),
            used: Cell::new(used),
            place: Cell::new(place),
            backwards,
            gives,
        })
    }

    fn step(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some(dict) = self.dict.load(vm) else { return Ok(None) };
        if dict.changes(vm) != self.changes.get() {
            let message = if dict.len(vm) == self.used.get() { "OrderedDict mutated during iteration" } else { "OrderedDict changed size during iteration" };
            return Err(vm.runtime_error(message));
        }
        let found = if self.backwards {
            self.place.get().checked_sub(1).and_then(|p| dict.prev_from(vm, p)).map(|(p, k, v)| (p, k.clone(), v.clone()))
        } else {
            dict.next_from(vm, self.place.get()).map(|(p, k, v)| (p, k.clone(), v.clone()))
        };
        let Some((place, key, value)) = found else {
            let old = self.dict.replace(vm, None);
            drop(old);
            return Ok(None);
        };
        self.place.set(place);
        match self.gives {
            Gives::Keys => Ok(Some(key)),
            Gives::Values => Ok(Some(value)),
            Gives::Items => Ok(Some(vm.new_tuple([key, value])?.into_value())),
        }
    }
}

#[pymethods]
impl OrderedIter {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<OrderedIter>) -> Py<OrderedIter> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        self.step(vm)
    }

    /// Return state information for pickling
    #[method(name = "__reduce__")]
    fn reduce(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let (place, dict) = (self.place.get(), self.dict.load(vm));
        let mut items = Vec::new();
        let mut failed = None;
        loop {
            match self.step(vm) {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(e) => {
                    failed = Some(e);
                    break;
                }
            }
        }
        // This iterator itself must not move.
        self.place.set(place);
        let old = self.dict.replace(vm, dict);
        drop(old);
        if let Some(e) = failed {
            return Err(e);
        }
        let iter = vm.builtin(n!(iter))?;
        let list = vm.new_list(items)?.into_value();
        let args = vm.new_tuple([list])?.into_value();
        vm.new_tuple([iter, args])
    }
}

macro_rules! views {
    ($($(#[$doc:meta])* $ty:ident $name:tt $base:ident $gives:ident;)*) => {$(
        $(#[$doc])*
        #[pyclass(module = "builtins", name = $name, base = $base, gc)]
        #[repr(C)]
        pub struct $ty {
            base: $base,
        }

        impl $ty {
            /// A view of an ordered dict.
            pub fn make(vm: &mut Vm, dict: &Py<OrderedDict>) -> PyResult {
                let Some(dict) = dict.as_value().downcast::<Dict>().cloned() else { return Err(vm.system_error("not a dict")) };
                Ok(vm.new_object($ty { base: $base { dict } })?.into_value())
            }
        }

        #[pymethods]
        impl $ty {
            #[slot(iter)]
            fn slot_iter(&self, vm: &mut Vm) -> PyResult<Py<OrderedIter>> {
                OrderedIter::new(vm, self.base.dict.clone(), Gives::$gives, false)
            }

            /// Return a reverse iterator over the view.
            #[method(name = "__reversed__")]
            fn reversed(&self, vm: &mut Vm) -> PyResult<Py<OrderedIter>> {
                OrderedIter::new(vm, self.base.dict.clone(), Gives::$gives, true)
            }
        }
    )*};
}

views! {
    /// The keys of an `OrderedDict`.
    OrderedKeys "odict_keys" DictKeys Keys;
    /// The items of an `OrderedDict`.
    OrderedItems "odict_items" DictItems Items;
    /// The values of an `OrderedDict`.
    OrderedValues "odict_values" DictValues Values;
}
