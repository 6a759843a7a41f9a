//! Iterators of `list`, forwards and backwards. They look at the list as it is at each step, and stay exhausted once they have been.

use super::List;
use crate::types::tuple::Tuple;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// The forward iterator of `list`.
#[pyclass(name = "list_iterator", flags(DISALLOW_INSTANTIATION), gc)]
pub struct ListIter {
    pub index: Cell<usize>,
    pub list: GilCell<Option<Py<List>>>,
}

impl ListIter {
    /// From the first item on.
    pub fn new(list: Py<List>) -> ListIter {
        ListIter { index: Cell::new(0), list: GilCell::new(Some(list)) }
    }

    /// The next item; nothing can run.
    #[inline(always)]
    pub fn step(&self, vm: &mut Vm) -> Option<Value> {
        let list = self.list.get(vm).as_ref()?;
        let index = self.index.get();
        if let Some(item) = list.items(vm).get(index) {
            self.index.set(index + 1);
            return Some(item.clone());
        }
        let old = self.list.replace(vm, None);
        drop(old);
        None
    }
}

#[pymethods]
impl ListIter {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<ListIter>) -> Py<ListIter> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        Ok(self.step(vm))
    }

    /// An estimate of the items left.
    #[method(name = "__length_hint__")]
    fn length_hint(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.list.get(vm).as_ref().map_or(0, |l| l.items(vm).len().saturating_sub(self.index.get())))
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let iter = vm.builtin(n!(iter))?;
        let list = self.list.load(vm);
        match list {
            Some(list) => crate::types::iter::reduce_at(vm, iter, Some(list.into_value()), self.index.get()),
            None => reduce_empty(vm, iter),
        }
    }

    /// For unpickling.
    #[method(name = "__setstate__", sig = "(state, /)")]
    fn setstate(&self, state: &Value, vm: &mut Vm) -> PyResult<()> {
        let index = vm.as_count(state)?;
        if let Some(list) = self.list.get(vm) {
            self.index.set(usize::try_from(index).unwrap_or(0).min(list.items(vm).len()));
        }
        Ok(())
    }
}

/// `iter([])`, for exhausted iterators of lists.
fn reduce_empty(vm: &mut Vm, iter: Value) -> PyResult<Py<Tuple>> {
    let list = vm.new_list(Vec::new())?.into_value();
    let args = vm.new_tuple(vec![list])?;
    vm.new_tuple(vec![iter, args.into_value()])
}

/// The backward iterator of `list`.
#[pyclass(name = "list_reverseiterator", flags(DISALLOW_INSTANTIATION), gc)]
pub struct ListReverseIter {
    pub index: Cell<isize>,
    pub list: GilCell<Option<Py<List>>>,
}

impl ListReverseIter {
    /// From `index` downwards.
    pub fn new(list: Py<List>, index: isize) -> ListReverseIter {
        ListReverseIter { index: Cell::new(index), list: GilCell::new(Some(list)) }
    }
}

#[pymethods]
impl ListReverseIter {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<ListReverseIter>) -> Py<ListReverseIter> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some(list) = self.list.get(vm) else { return Ok(None) };
        let index = self.index.get();
        if let Some(item) = usize::try_from(index).ok().and_then(|i| list.items(vm).get(i)) {
            self.index.set(index - 1);
            return Ok(Some(item.clone()));
        }
        self.index.set(-1);
        let old = self.list.replace(vm, None);
        drop(old);
        Ok(None)
    }

    /// An estimate of the items left.
    #[method(name = "__length_hint__")]
    fn length_hint(&self, vm: &mut Vm) -> PyResult<usize> {
        let left = usize::try_from(self.index.get() + 1).unwrap_or(0);
        Ok(self.list.get(vm).as_ref().map_or(0, |l| if l.items(vm).len() < left { 0 } else { left }))
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        // Finding `reversed` may run code that exhausts this iterator.
        let reversed = vm.builtin(n!(reversed))?;
        let list = self.list.load(vm);
        match list {
            Some(list) => {
                let index = vm.new_int(self.index.get())?;
                let args = vm.new_tuple(vec![list.into_value()])?;
                vm.new_tuple(vec![reversed, args.into_value(), index])
            }
            None => reduce_empty(vm, reversed),
        }
    }

    /// For unpickling.
    #[method(name = "__setstate__", sig = "(state, /)")]
    fn setstate(&self, state: &Value, vm: &mut Vm) -> PyResult<()> {
        let index = vm.as_count(state)?;
        if let Some(list) = self.list.get(vm) {
            self.index.set(index.clamp(-1, list.items(vm).len() as isize - 1));
        }
        Ok(())
    }
}
