//! `tuple`: items inline in the tail.
#![allow(unsafe_code, reason = "items stand in the tail of the object")]

use crate::types::slots::CompareOp;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pyclass};
use krait_heap::{Clear, Traverse, Visit};
use std::cell::Cell;

pub mod hash;
mod methods;

pub use methods::TupleIter;

/// The payload of `tuple`: the length, then the items in the tail.
#[pyclass(name = "tuple", flags(BASETYPE, TUPLE_SUBCLASS, SEQUENCE, MATCH_SELF), gc, tail, custom_traverse, text_signature = "(iterable=(), /)")]
#[repr(C)]
pub struct Tuple {
    len: usize,
    /// The hash, -1 while not computed (3.14 caches it).
    pub(crate) hash: Cell<i64>,
}

impl Tuple {
    /// The items. Tuples never change, so this needs no token.
    #[inline(always)]
    pub fn items(&self) -> &[Value] {
        // SAFETY: `len` items stand right behind the payload, written when the tuple was made.
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(self).add(1).cast::<Value>(), self.len) }
    }

    /// Number of items.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Drop for Tuple {
    fn drop(&mut self) {
        // SAFETY: the items are dropped once, with the tuple.
        unsafe {
            let items = std::ptr::from_mut(self).add(1).cast::<Value>();
            std::ptr::drop_in_place(std::ptr::slice_from_raw_parts_mut(items, self.len));
        }
    }
}

impl Traverse for Tuple {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.items().iter().for_each(visit);
    }
    fn clear(&mut self, _: &mut Clear) {}
}

/// `a OP b` of two sequences of items that cannot change: lexicographic, with identity implying equality.
pub fn compare_items(vm: &mut Vm, a: &[Value], b: &[Value], op: CompareOp) -> PyResult {
    vm.check_stack(" in comparison")?;
    for (x, y) in a.iter().zip(b) {
        if x.is_same(y) || vm.eq(x, y)? {
            continue;
        }
        return match op {
            CompareOp::Eq => Ok(Value::from_bool(false)),
            CompareOp::Ne => Ok(Value::from_bool(true)),
            CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => vm.rich_compare(x, y, op),
        };
    }
    Ok(Value::from_bool(op.matches(a.len().cmp(&b.len()))))
}

impl Vm {
    /// A tuple of the items. The items are moved straight into the tuple's tail.
    pub fn new_tuple(&mut self, items: impl IntoIterator<Item = Value, IntoIter: ExactSizeIterator>) -> PyResult<Py<Tuple>> {
        let items = items.into_iter();
        if items.len() == 0 {
            if let Some(empty) = self.interp.empty_tuple.get(self) {
                return Ok(empty.clone());
            }
            let tuple = self.new_object_tail_untracked(Tuple { len: 0, hash: Cell::new(-1) }, 0)?;
            tuple.header().make_immortal();
            self.interp.empty_tuple.replace(self, Some(tuple.clone()));
            return Ok(tuple);
        }
        let room = items.len();
        let bytes = tail_bytes(self, room)?;
        let tuple = self.new_object_tail_untracked(Tuple { len: 0, hash: Cell::new(-1) }, bytes)?;
        fill(&tuple, room, items);
        track_if_needed(&tuple);
        Ok(tuple)
    }

    /// A tuple of `cls`, which is `tuple` or a subtype.
    pub fn new_tuple_of(&mut self, cls: &Py<PyType>, items: impl IntoIterator<Item = Value, IntoIter: ExactSizeIterator>) -> PyResult<Py<Tuple>> {
        let items = items.into_iter();
        if cls.is(<Tuple as crate::PyClass>::type_object(self)) {
            return self.new_tuple(items);
        }
        let room = items.len();
        let bytes = tail_bytes(self, room)?;
        let tuple = self.new_instance_tail(cls, Tuple { len: 0, hash: Cell::new(-1) }, bytes)?;
        fill(&tuple, room, items);
        Ok(tuple)
    }

    /// A tuple of copies.
    pub fn new_tuple_from(&mut self, items: &[Value]) -> PyResult<Py<Tuple>> {
        self.new_tuple(items.iter().cloned())
    }
}

/// Whether an object can be part of a cycle, as far as one look tells: tuples that the collector need not know of, and objects that never die, cannot.
#[inline(always)]
fn may_be_tracked(value: &Value) -> bool {
    let Some(header) = value.header() else { return false };
    header.type_core().has(krait_heap::TypeFlags::GC)
        && (krait_heap::gc::is_tracked(header) || !(value.is_exact::<Tuple>() || header.refcnt() >= krait_heap::IMMORTAL))
}

/// Tells the collector of a tuple with an item that can be part of a cycle; others need no collecting.
#[inline]
fn track_if_needed(tuple: &Py<Tuple>) {
    if tuple.items().iter().any(may_be_tracked) {
        krait_heap::gc::track(tuple.header());
    }
}

/// A tuple of `len` placeholders, which [`complete`] replaces one after the other.
pub(crate) fn begin(vm: &mut Vm, len: usize) -> PyResult<Py<Tuple>> {
    vm.new_tuple(std::iter::repeat_n(Value::from_i32(0), len))
}

/// Puts an item into a tuple that is still being made: its maker alone knows it, but for items that refer back to it.
#[inline]
pub(crate) fn complete(_: &mut Vm, tuple: &Py<Tuple>, index: usize, item: Value) {
    if index >= tuple.len {
        return;
    }
    // Other tuples that are still being made count too: what they will hold is not known.
    let collected = |header: &krait_heap::Header| header.type_core().has(krait_heap::TypeFlags::GC) && (item.is_exact::<Tuple>() || may_be_tracked(&item));
    if item.header().is_some_and(collected) && !krait_heap::gc::is_tracked(tuple.header()) {
        krait_heap::gc::track(tuple.header());
    }
    let payload: *const Tuple = &raw const **tuple;
    // SAFETY: inside the tail. The token is borrowed uniquely, so nobody looks at the items meanwhile.
    let old = unsafe { std::ptr::replace(payload.add(1).cast::<Value>().add(index).cast_mut(), item) };
    drop(old);
}

/// Puts placeholders in the place of all items of a tuple that nobody will look at again.
pub(crate) fn give_up(vm: &mut Vm, tuple: &Py<Tuple>) {
    (0..tuple.len).for_each(|index| complete(vm, tuple, index, Value::from_i32(0)));
}

fn tail_bytes(vm: &mut Vm, len: usize) -> PyResult<usize> {
    match len.checked_mul(size_of::<Value>()).filter(|&n| isize::try_from(n).is_ok()) {
        Some(bytes) => Ok(bytes),
        None => Err(vm.memory_error()),
    }
}

/// A tuple that an iterator gives out again and again, as long as nobody else has kept it.
#[derive(Default)]
pub struct Recycled(crate::GilCell<Option<Py<Tuple>>>);

impl Traverse for Recycled {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.0.traverse(visit);
    }
    fn clear(&mut self, out: &mut Clear) {
        self.0.clear(out);
    }
}

impl Recycled {
    /// A tuple of the two: the one given out before, if it has come back.
    #[inline]
    pub fn pair(&self, vm: &mut Vm, a: Value, b: Value) -> PyResult {
        let Some(tuple) = self.0.get(vm) else {
            let tuple = vm.new_tuple([a, b])?;
            // It is going to hold others.
            krait_heap::gc::track(tuple.header());
            self.0.replace(vm, Some(tuple.clone()));
            return Ok(tuple.into_value());
        };
        if tuple.header().refcnt() != 1 || tuple.len != 2 {
            return Ok(vm.new_tuple([a, b])?.into_value());
        }
        tuple.hash.set(-1);
        let result = tuple.to_value();
        // SAFETY: the only other reference is the cell's, which nobody looks through; the tuple has two items, which are moved out whole.
        let old = unsafe {
            let tail = tuple.tail_ptr::<Value>();
            (tail.replace(a), tail.add(1).replace(b))
        };
        krait_heap::gc::track(tuple.header());
        drop(old);
        Ok(result)
    }
}

impl Recycled {
    /// A tuple of the items: the one given out before, if it has come back and is as long.
    pub fn row(&self, vm: &mut Vm, items: Vec<Value>) -> PyResult {
        let items = std::cell::RefCell::new(items.into_iter());
        let len = items.borrow().len();
        self.row_of(vm, len, |_, _| items.borrow_mut().next().unwrap_or_else(Value::none))
    }

    /// The same for items that `item` gives by their places.
    pub fn row_of(&self, vm: &mut Vm, len: usize, item: impl Fn(&Vm, usize) -> Value) -> PyResult {
        let free = self.0.get(vm).as_ref().filter(|t| t.header().refcnt() == 1 && t.len == len).cloned();
        let Some(tuple) = free else {
            let items: Vec<Value> = (0..len).map(|i| item(vm, i)).collect();
            let tuple = vm.new_tuple(items)?;
            if self.0.get(vm).is_none() && len > 0 {
                self.0.replace(vm, Some(tuple.clone()));
            }
            return Ok(tuple.into_value());
        };
        tuple.hash.set(-1);
        for i in 0..len {
            let new = item(vm, i);
            // SAFETY: the references are the cell's and this one, so nobody looks; the tuple has so many items.
            drop(unsafe { tuple.tail_ptr::<Value>().add(i).replace(new) });
        }
        krait_heap::gc::track(tuple.header());
        Ok(tuple.into_value())
    }
}

/// Moves at most as many items into the tail of a new tuple as there was room asked for.
fn fill(tuple: &Py<Tuple>, room: usize, items: impl Iterator<Item = Value>) {
    // SAFETY: the tail has room for `room` items; the length grows once an item is there, and nobody else has seen the tuple.
    unsafe {
        let tail = tuple.tail_ptr::<Value>();
        let payload = std::ptr::from_ref::<Tuple>(tuple).cast_mut();
        for (i, item) in items.take(room).enumerate() {
            tail.add(i).write(item);
            (*payload).len = i + 1;
        }
    }
}
