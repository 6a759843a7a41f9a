//! Specialised iteration, unpacking, and items of dicts and lists.
#![allow(unsafe_code, reason = "the value stack is raw memory")]

use crate::eval::dispatch::{Cx, Exit, guard, handlers, op, tri};
use crate::eval::frame::Slot;
use crate::eval::ops::{build, call as calls};
use crate::eval::specialize::data;
use crate::types::class::flags;
use crate::types::dict::Dict;
use crate::types::list::{List, ListIter};
use crate::types::range::RangeIter;
use crate::types::set::{FrozenSet, Set};
use crate::types::tuple::{Tuple, TupleIter};
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm};

handlers! {
    fn for_iter_range(c) {
        guard!(c, Some(it) = c.item(1).and_then(|i| i.downcast_exact::<RangeIter>()));
        let Some(i) = it.advance() else { return c.exhausted() };
        match Value::small_int(i) {
            Some(value) => c.iterated(value),
            None => {
                c.vm.eval.stash[0] = i;
                big_item(c.vm, c.frame, c.ip, c.sp, c.oparg, c.table)
            }
        }
    }

    /// An int of a range that does not fit into a word.
    #[cold]
    #[inline(never)]
    fn big_item(c) {
        let i = c.vm.eval.stash[0];
        let value = tri!(c, c.vm.new_int(i));
        c.iterated(value)
    }

    fn for_iter_list(c) {
        guard!(c, Some(it) = c.item(1).and_then(|i| i.downcast_exact::<ListIter>()));
        let index = it.index.get();
        match it.list.get(c.vm).as_ref().and_then(|l| l.items(c.vm).get(index)) {
            Some(item) => {
                it.index.set(index + 1);
                let value = item.clone();
                c.iterated(value)
            }
            None => {
                let list = it.list.replace(c.vm, None);
                c.skip(2 + c.count());
                c.next_without(list.map_or(0, |l| l.into_value().into_bits() as i64), 0)
            }
        }
    }

    fn for_iter_tuple(c) {
        guard!(c, Some(it) = c.item(1).and_then(|i| i.downcast_exact::<TupleIter>()));
        let index = it.index.get();
        match it.tuple.get(c.vm).as_ref().and_then(|t| t.items().get(index)).cloned() {
            Some(value) => {
                it.index.set(index + 1);
                c.iterated(value)
            }
            None => {
                let tuple = it.tuple.replace(c.vm, None);
                c.skip(2 + c.count());
                c.next_without(tuple.map_or(0, |t| t.into_value().into_bits() as i64), 0)
            }
        }
    }

    /// The general form, once it has turned out not to be one of the special ones.
    fn for_iter(c) {
        let Some(slot) = c.item(1).and_then(|i| i.type_ref().slots.iternext.get()) else { return c.general(op::FOR_ITER) };
        if *c.ip == 0 || c.vm.interp.monitoring.used.get() {
            // Time to specialise, or tools may want to know how it ends.
            return c.general(op::FOR_ITER);
        }
        *c.ip.cast_mut() -= 1;
        c.save();
        match step(c.vm, slot, c.sp) {
            Step::Item => {
                c.sp = c.sp.add(1);
                c.skip(1);
                c.next_awake()
            }
            Step::End => c.exhausted(),
            Step::Error => c.raised(),
        }
    }

    fn unpack_two_tuple(c) {
        guard!(c, Some(tuple) = c.item(1).and_then(|t| t.downcast_exact::<Tuple>()));
        guard!(c, [a, b] = tuple.items());
        let (a, b) = (a.clone(), b.clone());
        let tuple = c.pop_word();
        c.push(b);
        c.push(a);
        c.skip(1);
        c.next_without(tuple, 0)
    }

    fn unpack_tuple(c) {
        guard!(c, Some(tuple) = c.item(1).and_then(|t| t.downcast_exact::<Tuple>()));
        let count = c.count();
        guard!(c, tuple.len() == count);
        let from = tuple.items().as_ptr();
        let tuple = c.pop_word();
        for i in (0..count).rev() {
            let item = (*from.add(i)).clone();
            c.push(item);
        }
        c.skip(1);
        c.next_without(tuple, 0)
    }

    fn store_subscr_list_int(c) {
        guard!(c, (Some(index), Some(list)) = (c.item(1), c.item(2).and_then(|l| l.downcast_exact::<List>())));
        guard!(c, Some(slot) = data::item_slot(c.vm, list, index));
        guard!(c, c.word(3) != 0);
        let slot = slot.cast::<i64>();
        let old = slot.read();
        slot.write(c.word(3));
        let list = c.word(2);
        c.sp = c.sp.sub(3);
        c.skip(1);
        c.next_without(old, list)
    }

    fn store_subscr_dict(c) {
        guard!(c, c.item(2).is_some_and(|d| d.downcast_exact::<Dict>().is_some()));
        c.save();
        tri!(c, set_item(c.vm, c.sp));
        let (key, dict) = (c.pop_word(), c.pop_word());
        c.sp = c.sp.sub(1);
        c.skip(1);
        c.next_awake_without(key, dict)
    }

    /// The general form, once it has turned out not to be one of the special ones.
    fn store_subscr(c) {
        if *c.ip == 0 || c.word(1) == 0 || c.word(2) == 0 || c.word(3) == 0 {
            return c.general(op::STORE_SUBSCR);
        }
        *c.ip.cast_mut() -= 1;
        c.save();
        tri!(c, store_item(c.vm, c.sp));
        let (key, container, value) = (c.pop_word(), c.pop_word(), c.pop_slot());
        c.discard(value);
        c.skip(1);
        c.next_awake_without(key, container)
    }

    fn build_tuple(c) {
        let count = c.count();
        c.save();
        let tuple = tri!(c, tuple_of(c.vm, c.at(count), count));
        c.sp = c.at(count);
        c.push(tuple);
        c.next_awake()
    }

    fn build_list(c) {
        let count = c.count();
        c.save();
        let list = tri!(c, list_of(c.vm, c.at(count), count));
        c.sp = c.at(count);
        c.push(list);
        c.next_awake()
    }

    fn contains_dict(c) {
        guard!(c, Some(dict) = c.item(1).and_then(|d| d.downcast_exact::<Dict>()));
        guard!(c, Some(key) = c.item(2));
        c.save();
        let found = has_key(c.vm, dict, key);
        if found < 0 {
            return c.raised();
        }
        c.contained(found != 0)
    }

    fn contains_set(c) {
        guard!(c, (Some(container), Some(key)) = (c.item(1), c.item(2)));
        guard!(c, container.is_exact::<Set>() || container.is_exact::<FrozenSet>());
        c.save();
        // A set asked for as an element is a matter of its own.
        guard!(c, !key.is::<Set>());
        let found = is_in(c.vm, container, key);
        if found < 0 {
            return c.raised();
        }
        c.contained(found != 0)
    }

    /// The general form, once it has turned out not to be one of the special ones.
    fn contains_op(c) {
        if *c.ip == 0 {
            return c.general(op::CONTAINS_OP);
        }
        let (Some(container), Some(key)) = (c.item(1), c.item(2)) else { return c.general(op::CONTAINS_OP) };
        *c.ip.cast_mut() -= 1;
        c.save();
        let found = is_in(c.vm, container, key);
        if found < 0 {
            return c.raised();
        }
        c.contained(found != 0)
    }

    fn set_add(c) {
        let (Some(set), Some(item)) = (c.item(c.count() + 1).and_then(|s| s.downcast_exact::<Set>()), c.item(1)) else { return c.general(op::SET_ADD) };
        c.save();
        if !add(c.vm, set, item) {
            return c.raised();
        }
        let item = c.pop_word();
        c.next_awake_without(item, 0)
    }

    fn map_add(c) {
        let dict = c.item(c.count() + 2).and_then(|d| d.downcast_exact::<Dict>());
        let (Some(dict), Some(key)) = (dict, c.item(2)) else { return c.general(op::MAP_ADD) };
        c.save();
        if !map(c.vm, dict, key, c.at(1)) {
            return c.raised();
        }
        c.sp = c.sp.sub(1);
        let key = c.pop_word();
        c.next_awake_without(key, 0)
    }

    fn match_mapping(c) {
        let is = c.item(1).is_some_and(|v| v.type_flag(flags::MAPPING));
        c.push(Value::from_bool(is));
        c.next()
    }

    fn match_sequence(c) {
        let is = c.item(1).is_some_and(|v| v.type_flag(flags::SEQUENCE));
        c.push(Value::from_bool(is));
        c.next()
    }

    fn unpack_list(c) {
        guard!(c, Some(list) = c.item(1).and_then(|l| l.downcast_exact::<List>()));
        let count = c.count();
        guard!(c, list.items(c.vm).len() == count);
        let from = list.items(c.vm).as_ptr();
        let list = c.pop_word();
        for i in (0..count).rev() {
            let item = (*from.add(i)).clone();
            c.push(item);
        }
        c.skip(1);
        c.next_without(list, 0)
    }

    fn binary_slice(c) {
        let (Some(container), Some(start), Some(stop)) = (c.item(3), c.item(2), c.item(1)) else { return c.general(op::BINARY_SLICE) };
        c.save();
        let slice = tri!(c, slice_of(c.vm, container, start, stop));
        let (stop, start) = (c.pop_slot(), c.pop_slot());
        c.discard(stop);
        c.discard(start);
        let container = c.pop_word();
        c.push(slice);
        c.next_awake_without(container, 0)
    }

    fn store_slice(c) {
        let (Some(container), Some(start), Some(stop)) = (c.item(3), c.item(2), c.item(1)) else { return c.general(op::STORE_SLICE) };
        let Some(value) = c.item(4) else { return c.general(op::STORE_SLICE) };
        c.save();
        if !set_slice(c.vm, container, start, stop, value) {
            return c.raised();
        }
        let (stop, start) = (c.pop_slot(), c.pop_slot());
        c.discard(stop);
        c.discard(start);
        let (container, value) = (c.pop_word(), c.pop_word());
        c.next_awake_without(container, value)
    }

    fn get_iter(c) {
        let Some(object) = c.item(1) else { return c.general(op::GET_ITER) };
        c.save();
        let iterator = tri!(c, iterator(c.vm, object));
        let object = c.pop_word();
        c.push(iterator);
        c.next_awake_without(object, 0)
    }

    fn subscr_dict(c) {
        guard!(c, Some(dict) = c.item(2).and_then(|d| d.downcast_exact::<Dict>()));
        guard!(c, Some(key) = c.item(1));
        c.save();
        let value = tri!(c, get_item(c.vm, dict, key));
        let (key, dict) = (c.pop_word(), c.pop_word());
        c.push(value);
        c.skip(5);
        c.next_awake_without(key, dict)
    }
}

impl Cx<'_> {
    #[inline(always)]
    unsafe fn iterated(mut self, value: Value) -> Exit {
        // SAFETY: the verifier has checked the depth.
        unsafe {
            self.push(value);
            self.skip(1);
            self.next()
        }
    }

    #[inline(always)]
    unsafe fn contained(mut self, found: bool) -> Exit {
        // SAFETY: container and item are the two topmost items.
        unsafe {
            let (container, item) = (self.pop_word(), self.pop_word());
            let truth = found != (self.oparg & 1 != 0);
            if self.vm.interp.heap.wakeup.get() {
                self.push(Value::from_bool(truth));
                self.skip(1);
                return self.next_awake_without(container, item);
            }
            self.compared(truth, container, item)
        }
    }

    /// The loop ends: on behind END_FOR.
    #[inline(always)]
    unsafe fn exhausted(mut self) -> Exit {
        // SAFETY: the jump's target is in bounds.
        unsafe {
            self.skip(2 + self.count());
            self.next_awake()
        }
    }
}

enum Step {
    Item,
    End,
    Error,
}

/// Puts what an iterator gives on the stack, above `sp`.
#[inline(never)]
unsafe fn step(vm: &mut Vm, slot: crate::types::slots::IterNextFn, sp: *mut Option<Value>) -> Step {
    // SAFETY: the iterator is the topmost item, and there is room for one more.
    unsafe {
        let Some(iterator) = &*sp.sub(1) else { return Step::End };
        match slot(vm, iterator) {
            Ok(Some(item)) => {
                sp.write(Some(item));
                Step::Item
            }
            Ok(None) => Step::End,
            Err(e) if vm.is_raised::<crate::types::exceptions::StopIteration>(&e) => Step::End,
            Err(e) => {
                vm.eval.set_raised(e);
                Step::Error
            }
        }
    }
}

/// A tuple of `count` items, which are moved out of their slots.
#[inline(never)]
unsafe fn tuple_of(vm: &mut Vm, first: *mut Slot, count: usize) -> PyResult {
    // SAFETY: the slots are the instruction's operands.
    Ok(vm.new_tuple(unsafe { calls::drain(first, count) })?.into_value())
}

/// A list likewise.
#[inline(never)]
unsafe fn list_of(vm: &mut Vm, first: *mut Slot, count: usize) -> PyResult {
    // SAFETY: the slots are the instruction's operands.
    Ok(vm.new_list(unsafe { calls::take(first, count) })?.into_value())
}

/// `container[key] = value` of the three topmost items, which stay there.
#[inline(never)]
unsafe fn store_item(vm: &mut Vm, sp: *mut Slot) -> PyResult<()> {
    // SAFETY: the items stand on the stack until the caller takes them off.
    unsafe {
        let (Some(key), Some(container), Some(value)) = (&*sp.sub(1), &*sp.sub(2), &*sp.sub(3)) else { return Ok(()) };
        vm.setitem(container, key, value)
    }
}

/// `dict[key] = value` of the three topmost items; the value is moved out.
#[inline(never)]
unsafe fn set_item(vm: &mut Vm, sp: *mut Option<Value>) -> PyResult<()> {
    // SAFETY: the items stand on the stack until the caller takes them off.
    unsafe {
        let (Some(key), Some(dict)) = (&*sp.sub(1), (*sp.sub(2)).as_ref().and_then(|d| d.downcast_exact::<Dict>())) else { return Ok(()) };
        let value = (*sp.sub(3)).take().unwrap_or_else(Value::none);
        dict.set(vm, key, value)
    }
}

/// Whether the container holds the key; -1 if something was raised. (A result by reference would keep calls from becoming jumps.)
#[inline(never)]
fn is_in(vm: &mut Vm, container: &Value, key: &Value) -> i32 {
    match vm.contains(container, key) {
        Ok(found) => i32::from(found),
        Err(e) => {
            vm.eval.set_raised(e);
            -1
        }
    }
}

/// The same for a dict.
#[inline(never)]
fn has_key(vm: &mut Vm, dict: &Py<Dict>, key: &Value) -> i32 {
    match dict.contains(vm, key) {
        Ok(found) => i32::from(found),
        Err(e) => {
            vm.eval.set_raised(e);
            -1
        }
    }
}

/// Puts an item into a set; false if something was raised.
#[inline(never)]
fn add(vm: &mut Vm, set: &Set, item: &Value) -> bool {
    match set.data.add(vm, item) {
        Ok(_) => true,
        Err(e) => {
            vm.eval.set_raised(e);
            false
        }
    }
}

/// Puts a key with the value in a slot, which is moved out, into a dict likewise.
#[inline(never)]
unsafe fn map(vm: &mut Vm, dict: &Dict, key: &Value, value: *mut Slot) -> bool {
    // SAFETY: the slot is the topmost item.
    let value = unsafe { (*value).take() }.unwrap_or_else(Value::none);
    match dict.set(vm, key, value) {
        Ok(()) => true,
        Err(e) => {
            vm.eval.set_raised(e);
            false
        }
    }
}

#[inline(never)]
fn slice_of(vm: &mut Vm, container: &Value, start: &Value, stop: &Value) -> PyResult {
    build::binary_slice(vm, container, start, stop)
}

/// Assigns to a slice; false if something was raised.
#[inline(never)]
fn set_slice(vm: &mut Vm, container: &Value, start: &Value, stop: &Value, value: &Value) -> bool {
    match build::store_slice(vm, container, start, stop, value) {
        Ok(()) => true,
        Err(e) => {
            vm.eval.set_raised(e);
            false
        }
    }
}

#[inline(never)]
fn iterator(vm: &mut Vm, object: &Value) -> PyResult {
    vm.iter(object)
}

#[inline(never)]
fn get_item(vm: &mut Vm, dict: &Py<Dict>, key: &Value) -> PyResult {
    match dict.get(vm, key)? {
        Some(value) => Ok(value),
        None => Err(vm.key_error(key)),
    }
}
