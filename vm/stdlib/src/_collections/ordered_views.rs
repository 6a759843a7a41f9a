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

/// The iterator of `OrderedDict`: it keeps the next key, and looks it up again when its turn comes, as CPython does.
#[pyclass(module = "builtins", name = "odict_iterator", flags(DISALLOW_INSTANTIATION), gc)]
pub struct OrderedIter {
    dict: GilCell<Option<Py<OrderedDict>>>,
    next: GilCell<Option<Value>>,
    state: Cell<u64>,
    used: Cell<usize>,
    backwards: bool,
    gives: Gives,
}

impl OrderedIter {
    /// Over a dict, from its first or last item.
    pub fn new(vm: &mut Vm, dict: Py<OrderedDict>, gives: Gives, backwards: bool) -> PyResult<Py<OrderedIter>> {
        let order = dict.order.get(vm);
        let next = order.end(backwards).and_then(|n| order.key(n)).map(|(k, _)| k.clone());
        let (state, used) = (order.state(), dict.base.len(vm));
        vm.new_object(OrderedIter {
            dict: GilCell::new(Some(dict)),
            next: GilCell::new(next),
            state: Cell::new(state),
            used: Cell::new(used),
            backwards,
            gives,
        })
    }

    /// The next key and its place in the dict.
    fn advance(&self, vm: &mut Vm, dict: &OrderedDict) -> PyResult<Option<(Value, usize)>> {
        let Some(key) = self.next.load(vm) else { return Ok(None) };
        if dict.order.get(vm).state() != self.state.get() {
            return Err(vm.runtime_error("OrderedDict mutated during iteration"));
        }
        if dict.base.len(vm) != self.used.get() {
            return Err(vm.runtime_error("OrderedDict changed size during iteration"));
        }
        match dict.locate_anew(vm, &key) {
            Ok((place, node)) => {
                let order = dict.order.get(vm);
                let next = order.beside(node, self.backwards).and_then(|n| order.key(n)).map(|(k, _)| k.clone());
                drop(self.next.replace(vm, next));
                Ok(Some((key, place)))
            }
            Err(e) => {
                drop(self.next.replace(vm, None));
                Err(e)
            }
        }
    }

    fn step(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some(dict) = self.dict.load(vm) else { return Ok(None) };
        let Some((key, place)) = self.advance(vm, &dict)? else {
            let old = self.dict.replace(vm, None);
            drop(old);
            return Ok(None);
        };
        if self.gives == Gives::Keys {
            return Ok(Some(key));
        }
        let Some(value) = dict.base.value_at(vm, place).cloned() else { return Err(vm.key_error(&key)) };
        match self.gives {
            Gives::Items => Ok(Some(vm.new_tuple([key, value])?.into_value())),
            _ => Ok(Some(value)),
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
        let (next, dict) = (self.next.load(vm), self.dict.load(vm));
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
        let old = (self.next.replace(vm, next), self.dict.replace(vm, dict));
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

fn ordered(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<Py<OrderedDict>> {
    match dict.as_value().downcast::<OrderedDict>() {
        Some(dict) => Ok(dict.clone()),
        None => Err(vm.system_error("not an OrderedDict")),
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
                let dict = ordered(vm, &self.base.dict)?;
                OrderedIter::new(vm, dict, Gives::$gives, false)
            }

            /// Return a reverse iterator over the view.
            #[method(name = "__reversed__")]
            fn reversed(&self, vm: &mut Vm) -> PyResult<Py<OrderedIter>> {
                let dict = ordered(vm, &self.base.dict)?;
                OrderedIter::new(vm, dict, Gives::$gives, true)
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
