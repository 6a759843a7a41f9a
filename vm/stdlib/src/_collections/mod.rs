//! `_collections`: `deque`, `defaultdict`, `OrderedDict` and what `collections` needs besides.

mod counting;
mod defaultdict;
mod deque;
mod order;
mod ordered_dict;
mod ordered_views;

use counting::TupleGetter;
use defaultdict::DefaultDict;
use deque::{Deque, DequeIter, DequeReverseIter};
use krait_runtime::types::dict::Dict;
use krait_runtime::{Py, PyClass, PyResult, Vm, module};
use ordered_dict::OrderedDict;
use ordered_views::{OrderedItems, OrderedIter, OrderedKeys, OrderedValues};

fn init(vm: &mut Vm, _dict: &Py<Dict>) -> PyResult<()> {
    for ty in [OrderedIter::static_type(), OrderedKeys::static_type(), OrderedItems::static_type(), OrderedValues::static_type()] {
        ty.ready(vm)?;
    }
    Ok(())
}

module! {
    "_collections",
    doc: "High performance data structures.\n- deque:        ordered collection accessible from endpoints only\n- defaultdict:  dict subclass with a default value factory",
    functions: [counting::_count_elements],
    types: [Deque, DefaultDict, OrderedDict, DequeIter, DequeReverseIter, TupleGetter],
    exec: init,
}
