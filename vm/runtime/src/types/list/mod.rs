//! `list`: a growable vector of values.

use crate::{GilCell, Py, PyResult, Value, Vm, pyclass};

mod iter;
pub mod methods;
pub mod sort;

pub use iter::{ListIter, ListReverseIter};

/// The payload of `list`.
#[pyclass(name = "list", flags(BASETYPE, LIST_SUBCLASS, SEQUENCE, MATCH_SELF), gc)]
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
