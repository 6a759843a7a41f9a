//! `list`: a growable vector of values.

use crate::protocol::memory::has_room;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass};

mod iter;
pub mod methods;
pub mod sort;

pub use iter::{ListIter, ListReverseIter};

/// The payload of `list`.
#[pyclass(name = "list", flags(BASETYPE, LIST_SUBCLASS, SEQUENCE, MATCH_SELF), gc, text_signature = "(iterable=(), /)")]
pub struct List {
    items: GilCell<Vec<Value>>,
}

impl List {
    /// A payload with these items.
    pub fn new(items: Vec<Value>) -> List {
        List { items: GilCell::new(items) }
    }

    /// The items; no Python code can run while you look.
    #[inline(always)]
    pub fn items<'a>(&'a self, vm: &'a Vm) -> &'a [Value] {
        self.items.get(vm)
    }

    /// The items, to change. What is removed must be dropped after the borrow has ended.
    #[inline(always)]
    #[allow(clippy::mut_from_ref, reason = "the token is the unique borrow")]
    pub fn items_mut<'a>(&'a self, vm: &'a mut Vm) -> &'a mut Vec<Value> {
        self.items.get_mut(vm)
    }

    /// Appends an item; MemoryError if there is no room.
    #[inline]
    pub fn push(&self, vm: &mut Vm, item: Value) -> PyResult<()> {
        self.make_room(vm, 1)?;
        self.items_mut(vm).push(item);
        Ok(())
    }

    /// Room for `more` items.
    #[inline]
    pub fn make_room(&self, vm: &mut Vm, more: usize) -> PyResult<()> {
        let items = self.items_mut(vm);
        if has_room(items, more) { Ok(()) } else { Err(vm.memory_error()) }
    }

    /// Whether an item can be appended without more memory.
    #[inline(always)]
    pub fn has_room(&self, vm: &mut Vm) -> bool {
        let items = self.items_mut(vm);
        items.len() < items.capacity()
    }

    /// The cell itself, for the evaluator's fast paths.
    #[inline(always)]
    pub fn cell(&self) -> &GilCell<Vec<Value>> {
        &self.items
    }
}

impl Vm {
    /// A list of the items.
    pub fn new_list(&mut self, items: Vec<Value>) -> PyResult<Py<List>> {
        self.new_object(List::new(items))
    }
}
