//! `_heapq`: binary heaps in lists.
//!
//! Comparing may run code that changes the list: its length is looked at again after every comparison, and RuntimeError is raised when it
//! has changed.

use krait_runtime::types::list::List;
use krait_runtime::types::list::methods::quick_eq;
use krait_runtime::types::slots::CompareOp;
use krait_runtime::{Py, PyResult, Value, Vm, module, pyfunction};

/// Which end of the order is on top.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Min,
    Max,
}

/// Whether `a` belongs above `b`.
fn above(vm: &mut Vm, a: &Value, b: &Value, kind: Kind) -> PyResult<bool> {
    let (a, b) = if kind == Kind::Min { (a, b) } else { (b, a) };
    if let (Some(x), Some(y)) = (a.as_small_int(), b.as_small_int()) {
        return Ok(x < y);
    }
    if let (Some(x), Some(y)) = (a.as_inline_float(), b.as_inline_float()) {
        return Ok(x < y);
    }
    let result = vm.rich_compare(a, b, CompareOp::Lt)?;
    vm.is_true(&result)
}

fn item(vm: &Vm, heap: &List, i: usize) -> Option<Value> {
    heap.items(vm).get(i).cloned()
}

fn compare(vm: &mut Vm, heap: &List, len: usize, a: &Value, b: &Value, kind: Kind) -> PyResult<bool> {
    let result = above(vm, a, b, kind)?;
    if heap.items(vm).len() != len {
        return Err(vm.runtime_error("list changed size during iteration"));
    }
    Ok(result)
}

/// Moves the item at `at` up towards `start`.
fn sift_down(vm: &mut Vm, heap: &List, start: usize, mut at: usize, kind: Kind) -> PyResult<()> {
    let len = heap.items(vm).len();
    if at >= len {
        return Err(vm.index_error("index out of range"));
    }
    while at > start {
        let parent = (at - 1) >> 1;
        let (Some(new), Some(up)) = (item(vm, heap, at), item(vm, heap, parent)) else { break };
        if !compare(vm, heap, len, &new, &up, kind)? {
            break;
        }
        heap.items_mut(vm).swap(at, parent);
        at = parent;
    }
    Ok(())
}

/// Moves the item at `at` down to a leaf along the better children, then up again: fewer comparisons than stopping on the way.
fn sift_up(vm: &mut Vm, heap: &List, mut at: usize, kind: Kind) -> PyResult<()> {
    let len = heap.items(vm).len();
    if at >= len {
        return Err(vm.index_error("index out of range"));
    }
    let start = at;
    let limit = len >> 1;
    while at < limit {
        let mut child = 2 * at + 1;
        if child + 1 < len {
            let (Some(left), Some(right)) = (item(vm, heap, child), item(vm, heap, child + 1)) else { break };
            if !compare(vm, heap, len, &left, &right, kind)? {
                child += 1;
            }
        }
        heap.items_mut(vm).swap(at, child);
        at = child;
    }
    sift_down(vm, heap, start, at, kind)
}

fn push(vm: &mut Vm, heap: &List, new: Value, kind: Kind) -> PyResult<()> {
    heap.push(vm, new)?;
    let last = heap.items(vm).len() - 1;
    sift_down(vm, heap, 0, last, kind)
}

fn pop(vm: &mut Vm, heap: &List, kind: Kind) -> PyResult {
    let Some(last) = heap.items_mut(vm).pop() else { return Err(vm.index_error("index out of range")) };
    match heap.items_mut(vm).first_mut() {
        None => Ok(last),
        Some(top) => {
            let top = std::mem::replace(top, last);
            sift_up(vm, heap, 0, kind)?;
            Ok(top)
        }
    }
}

fn replace(vm: &mut Vm, heap: &List, new: Value, kind: Kind) -> PyResult {
    let Some(top) = heap.items_mut(vm).first_mut() else { return Err(vm.index_error("index out of range")) };
    let top = std::mem::replace(top, new);
    sift_up(vm, heap, 0, kind)?;
    Ok(top)
}

fn push_pop(vm: &mut Vm, heap: &List, new: Value, kind: Kind) -> PyResult {
    let Some(top) = item(vm, heap, 0) else { return Ok(new) };
    if quick_eq(&top, &new) == Some(true) || !above(vm, &top, &new, kind)? {
        return Ok(new);
    }
    if heap.items(vm).is_empty() {
        return Err(vm.index_error("index out of range"));
    }
    replace(vm, heap, new, kind)
}

fn make_heap(vm: &mut Vm, heap: &List, kind: Kind) -> PyResult<()> {
    let len = heap.items(vm).len();
    (0..len >> 1).rev().try_for_each(|i| sift_up(vm, heap, i, kind))
}

macro_rules! heap_functions {
    ($($kind:ident: $push:ident $pop:ident $replace:ident $pushpop:ident $heapify:ident $name:tt;)*) => {$(
        #[doc = concat!(" Push item onto a ", $name, " heap, maintaining the heap invariant.")]
        #[pyfunction(sig = "(heap, item, /)")]
        fn $push(heap: &Py<List>, item: Value, vm: &mut Vm) -> PyResult<()> {
            push(vm, heap, item, Kind::$kind)
        }

        #[doc = concat!(" Pop the item on top of a ", $name, " heap, maintaining the heap invariant.")]
        #[pyfunction(sig = "(heap, /)")]
        fn $pop(heap: &Py<List>, vm: &mut Vm) -> PyResult {
            pop(vm, heap, Kind::$kind)
        }

        #[doc = concat!(" Pop and return the item on top of a ", $name, " heap, and put the new item in. The heap keeps its size.")]
        #[pyfunction(sig = "(heap, item, /)")]
        fn $replace(heap: &Py<List>, item: Value, vm: &mut Vm) -> PyResult {
            replace(vm, heap, item, Kind::$kind)
        }

        #[doc = concat!(" Push item onto a ", $name, " heap, then pop the item on top: faster than one after the other.")]
        #[pyfunction(sig = "(heap, item, /)")]
        fn $pushpop(heap: &Py<List>, item: Value, vm: &mut Vm) -> PyResult {
            push_pop(vm, heap, item, Kind::$kind)
        }

        #[doc = concat!(" Transform a list into a ", $name, " heap, in place, in linear time.")]
        #[pyfunction(sig = "(heap, /)")]
        fn $heapify(heap: &Py<List>, vm: &mut Vm) -> PyResult<()> {
            make_heap(vm, heap, Kind::$kind)
        }
    )*};
}

heap_functions! {
    Min: heappush heappop heapreplace heappushpop heapify "min";
    Max: heappush_max heappop_max heapreplace_max heappushpop_max heapify_max "max";
}

module! {
    "_heapq",
    doc: "Heap queue algorithm (a.k.a. priority queue).\n\nA heap is a list in which every item is no larger than its children, those of item k being items 2*k+1 and 2*k+2.",
    functions: [
        heappush, heappop, heapreplace, heappushpop, heapify, heappush_max, heappop_max, heapreplace_max, heappushpop_max, heapify_max
    ],
    types: [],
}
