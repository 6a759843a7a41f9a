//! `tuple`: items inline in the tail.
#![allow(unsafe_code, reason = "items stand in the tail of the object")]

use crate::{Py, PyResult, Value, Vm, pyclass};
use krait_heap::{Clear, Traverse, Visit};
use std::cell::Cell;

mod methods;

/// The payload of `tuple`: the length, then the items in the tail.
#[pyclass(name = "tuple", flags(BASETYPE, TUPLE_SUBCLASS, SEQUENCE, MATCH_SELF), gc, tail, custom_traverse)]
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

impl Vm {
    /// A tuple of the items.
    pub fn new_tuple(&mut self, items: impl IntoIterator<Item = Value, IntoIter: ExactSizeIterator>) -> PyResult<Py<Tuple>> {
        let items = items.into_iter();
        let len = items.len();
        if len == 0 {
            if let Some(empty) = self.interp.empty_tuple.get(self) {
                return Ok(empty.clone());
            }
        }
        let Some(bytes) = len.checked_mul(size_of::<Value>()) else { return Err(self.memory_error()) };
        let items: Vec<Value> = items.collect();
        // Only what was really yielded counts.
        let len = items.len().min(len);
        let tuple = self.new_object_tail(Tuple { len: 0, hash: Cell::new(-1) }, bytes)?;
        // SAFETY: the tail has room for `len` items; the length is set once they are there, before anybody else sees the tuple.
        unsafe {
            let tail = tuple.tail_ptr::<Value>();
            for (i, item) in items.into_iter().take(len).enumerate() {
                tail.add(i).write(item);
            }
            (*std::ptr::from_ref::<Tuple>(&tuple).cast_mut()).len = len;
        }
        if len == 0 {
            self.interp.empty_tuple.replace(self, Some(tuple.clone()));
        }
        Ok(tuple)
    }

    /// A tuple of copies.
    pub fn new_tuple_from(&mut self, items: &[Value]) -> PyResult<Py<Tuple>> {
        self.new_tuple(items.to_vec())
    }
}
