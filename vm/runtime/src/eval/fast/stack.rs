//! Variables, constants, moving items on the stack.
#![allow(unsafe_code, reason = "the value stack is raw memory")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

use crate::Value;
use crate::eval::dispatch::{handlers, op};
use crate::eval::specialize;
use crate::types::cell::PyCell;
use crate::types::list::List;

use krait_bytecode::Opcode;

handlers! {
    fn nop(c) { c.next() }

    fn extended_arg(c) {
        let unit = *c.ip;
        c.ip = c.ip.add(1);
        c.oparg = c.oparg << 8 | u32::from(unit >> 8);
        c.again()
    }

    fn load_fast(c) {
        let value = (*c.local(c.oparg)).clone();
        c.push_slot(value);
        c.next()
    }

    fn load_fast_load_fast(c) {
        let (a, b) = ((*c.local(c.oparg >> 4)).clone(), (*c.local(c.oparg & 15)).clone());
        c.push_slot(a);
        c.push_slot(b);
        c.next()
    }

    fn load_fast_check(c) {
        let value = (*c.local(c.oparg)).clone();
        if value.is_none() {
            return c.general(op::LOAD_FAST_CHECK);
        }
        c.push_slot(value);
        c.next()
    }

    fn load_fast_and_clear(c) {
        let value = (*c.local(c.oparg)).take();
        c.push_slot(value);
        c.next()
    }

    fn store_fast(c) {
        let value = c.pop_slot();
        let place = c.local(c.oparg);
        let old = place.read();
        place.write(value);
        c.discard(old);
        c.next()
    }

    fn store_fast_load_fast(c) {
        let value = c.pop_slot();
        let place = c.local(c.oparg >> 4);
        let old = place.read();
        place.write(value);
        let other = (*c.local(c.oparg & 15)).clone();
        c.push_slot(other);
        c.discard(old);
        c.next()
    }

    fn store_fast_store_fast(c) {
        let (first, second) = (c.pop_slot(), c.pop_slot());
        let place = c.local(c.oparg >> 4);
        let old = place.read();
        place.write(first);
        c.discard(old);
        let place = c.local(c.oparg & 15);
        let old = place.read();
        place.write(second);
        c.discard(old);
        c.next()
    }

    #[cold]
    fn first_load_const(c) {
        let value = (*(*c.frame).consts.add(c.count())).clone();
        specialize::rewrite(c.ip, Opcode::LOAD_CONST, specialize::data::load_const(&value));
        c.push(value);
        c.next()
    }

    fn load_const(c) {
        let value = (*(*c.frame).consts.add(c.count())).clone();
        c.push(value);
        c.next()
    }

    fn load_small_int(c) {
        c.push(Value::from_i32(c.oparg as i32));
        c.next()
    }

    fn pop_top(c) {
        let value = c.pop_slot();
        c.discard(value);
        c.next()
    }

    fn push_null(c) {
        c.push_slot(None);
        c.next()
    }

    fn copy(c) {
        let value = (*c.at(c.count())).clone();
        c.push_slot(value);
        c.next()
    }

    fn swap(c) {
        std::ptr::swap(c.at(1), c.at(c.count()));
        c.next()
    }

    fn end_send(c) {
        let value = c.pop_slot();
        let place = c.at(1);
        let old = place.read();
        place.write(value);
        c.discard(old);
        c.next()
    }

    fn load_deref(c) {
        let cell = (*c.local(c.oparg)).as_ref().and_then(|v| v.downcast_exact::<PyCell>());
        let value = cell.and_then(|cell| cell.value.get(c.vm).clone());
        if value.is_none() {
            return c.general(op::LOAD_DEREF);
        }
        c.push_slot(value);
        c.next()
    }

    fn copy_free_vars(c) {
        let first = (*c.frame).code.nlocalsplus() - c.count();
        let closure = (*c.frame).func.closure.get(c.vm);
        for (i, cell) in closure.iter().flat_map(|cells| cells.items()).take(c.count()).enumerate() {
            *c.local((first + i) as u32) = Some(cell.clone());
        }
        c.next()
    }

    fn store_deref(c) {
        let cell = (*c.local(c.oparg)).as_ref().and_then(|v| v.downcast_exact::<PyCell>());
        let Some(cell) = cell else { return c.general(op::STORE_DEREF) };
        let value = c.pop_slot();
        let place = cell.value.as_ptr();
        let old = place.read();
        place.write(value);
        c.discard(old);
        c.next()
    }

    fn list_append(c) {
        let list = (*c.at(c.count() + 1)).as_ref().and_then(|l| l.downcast_exact::<List>());
        let Some(list) = list.filter(|l| l.has_room(c.vm)) else { return c.general(op::LIST_APPEND) };
        let item = c.pop();
        list.items_mut(c.vm).push(item);
        c.next()
    }
}
