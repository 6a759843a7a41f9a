//! Specialised operators, comparisons and truth values.
#![allow(unsafe_code, reason = "the value stack is raw memory")]

use crate::{Py, PyResult, Value, Vm};
use crate::eval::frame::Slot;
use crate::eval::dispatch::{Cx, Exit, guard, handlers, op, tri};
use crate::eval::slow::compare;
use crate::eval::call::exact_frame;
use crate::eval::fast::borrowed;
use crate::eval::specialize::{self, arith, attr, read_u32};
use crate::types::int::Int;
use crate::types::list::List;
use crate::types::pyfunction::Function;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use krait_bytecode::opcode::BinaryOp;
use krait_heap::Header;

/// Puts the result of an operation on two small ints, which own nothing, in their place.
macro_rules! int_result {
    ($c:ident, $bits:expr) => {{
        guard!($c, Some(bits) = $bits);
        $c.sp = $c.sp.sub(1);
        $c.sp.sub(1).cast::<i64>().write(bits);
        $c.skip(5);
        $c.next()
    }};
}

macro_rules! float_op {
    ($c:ident, $op:tt) => {{
        guard!($c, (Some(x), Some(y)) = (arith::float_of($c.item(2)), arith::float_of($c.item(1))));
        let result = x $op y;
        match Value::from_f64_inline(result) {
            Some(v) => $c.binary_result(v),
            None => {
                $c.vm.eval.stash[0] = result.to_bits() as i64;
                boxed_result($c.vm, $c.frame, $c.ip, $c.sp, $c.oparg, $c.table)
            }
        }
    }};
}

handlers! {
    fn unary_not(c) {
        let value = c.pop();
        c.push(Value::from_bool(value.is_false()));
        c.discard(Some(value));
        c.next()
    }

    fn is_op(c) {
        let mut same = c.word(1) == c.word(2);
        if !same && (c.item(1).is_some_and(is_int) || c.item(2).is_some_and(is_int)) {
            // Equal ints may have different words.
            same = c.item(1).zip(c.item(2)).is_some_and(|(a, b)| same_ints(c.vm, a, b));
        }
        let (b, a) = (c.pop_word(), c.pop_word());
        c.push(Value::from_bool(same != (c.oparg & 1 != 0)));
        c.next_without(b, a)
    }

    fn add_int(c) {
        let (a, b) = (c.word(2), c.word(1));
        guard!(c, a & b & 1 != 0);
        int_result!(c, a.checked_add(b - 1))
    }

    fn subtract_int(c) {
        let (a, b) = (c.word(2), c.word(1));
        guard!(c, a & b & 1 != 0);
        int_result!(c, a.checked_sub(b - 1))
    }

    fn multiply_int(c) {
        let (a, b) = (c.word(2), c.word(1));
        guard!(c, a & b & 1 != 0);
        int_result!(c, (a >> 1).checked_mul(b - 1).map(|r| r | 1))
    }

    /// A float that does not fit into a word as an operation's result.
    #[inline(never)]
    fn boxed_result(c) {
        let result = f64::from_bits(c.vm.eval.stash[0] as u64);
        let value = tri!(c, c.vm.new_float(result));
        c.binary_result(value)
    }

    fn add_float(c) { float_op!(c, +) }
    fn subtract_float(c) { float_op!(c, -) }
    fn multiply_float(c) { float_op!(c, *) }

    /// Text that is put in the place of its left part right after grows there if nobody else refers to it.
    fn add_str(c) {
        guard!(c, (Some(a), Some(b)) = (c.item(2).and_then(|s| s.downcast_exact::<Str>()), c.item(1).and_then(|s| s.downcast_exact::<Str>())));
        let next = *c.ip.add(5);
        let place = if next & 0xff == op::STORE_FAST { c.local(u32::from(next >> 8)) } else { std::ptr::null_mut() };
        let text = tri!(c, joined(c.vm, c.at(2), a, b, place));
        c.binary_result(text)
    }

    fn extend(c) {
        guard!(c, (Some(a), Some(b)) = (c.item(2), c.item(1)));
        guard!(c, Some(which) = BinaryOp::from_oparg(c.oparg));
        guard!(c, Some(result) = arith::extend(c.vm, which, a, b));
        c.binary_result(result)
    }

    /// The general form, once it has turned out not to be one of the special ones.
    fn binary_op(c) {
        if *c.ip == 0 {
            return c.general(op::BINARY_OP);
        }
        let (Some(a), Some(b)) = (c.item(2), c.item(1)) else { return c.general(op::BINARY_OP) };
        *c.ip.cast_mut() -= 1;
        c.save();
        let result = tri!(c, operate(c.vm, a, b, c.oparg));
        let (b, a) = (c.pop_word(), c.pop_word());
        c.push(result);
        c.skip(5);
        c.next_awake_without(b, a)
    }

    /// The same for comparisons.
    fn compare_op(c) {
        if *c.ip == 0 {
            return c.general(op::COMPARE_OP);
        }
        let (Some(a), Some(b)) = (c.item(2), c.item(1)) else { return c.general(op::COMPARE_OP) };
        *c.ip.cast_mut() -= 1;
        c.save();
        let result = tri!(c, compared_values(c.vm, a, b, c.oparg));
        let (b, a) = (c.pop_word(), c.pop_word());
        c.push(result);
        c.skip(1);
        c.next_awake_without(b, a)
    }

    fn subscr_list_int(c) {
        guard!(c, (Some(list), Some(index)) = (c.item(2).and_then(|l| l.downcast_exact::<List>()), c.item(1)));
        guard!(c, Some(item) = arith::item_at(list.items(c.vm), index));
        c.binary_result(item)
    }

    /// A `__getitem__` in Python, for which the type's version vouches.
    fn subscr_getitem(c) {
        guard!(c, Some(header) = c.item(2).and_then(|o| o.header()));
        guard!(c, attr::type_version(header) == read_u32(c.ip, 1));
        let class = &*header.type_ptr().cast::<PyType>();
        let word = class.getitem_cache.get();
        let func = &*(word as *const u8).add(size_of::<Header>()).cast::<Function>();
        guard!(c, func.code.get(c.vm).is_sound() && specialize::call::is_simple(c.vm, func, 2));
        guard!(c, c.vm.eval.depth < c.vm.interp.recursion_limit.get());
        let base = c.at(2);
        let func: Py<Function> = Py::from_value_unchecked(borrowed(word));
        let new = tri!(c, exact_frame(c.vm, func, base, 2));
        c.sp = base;
        (*c.frame).return_offset = 5;
        c.save();
        c.enter_frame(new)
    }

    fn subscr_tuple_int(c) {
        guard!(c, (Some(tuple), Some(index)) = (c.item(2).and_then(|t| t.downcast_exact::<Tuple>()), c.item(1)));
        guard!(c, Some(item) = arith::item_at(tuple.items(), index));
        c.binary_result(item)
    }

    fn compare_int(c) {
        let (a, b) = (c.word(2), c.word(1));
        guard!(c, a & b & 1 != 0);
        let sign = if a < b { 2 } else if a > b { 4 } else { 8 };
        c.sp = c.sp.sub(2);
        let truth = c.oparg & sign != 0;
        c.compared(truth, 0, 0)
    }

    fn compare_float(c) {
        guard!(c, (Some(x), Some(y)) = (arith::float_of(c.item(2)), arith::float_of(c.item(1))));
        let sign = if x < y { 2 } else if x > y { 4 } else if x == y { 8 } else { 1 };
        let (b, a) = (c.pop_word(), c.pop_word());
        let truth = c.oparg & sign != 0;
        c.compared(truth, b, a)
    }

    fn compare_str(c) {
        guard!(c, (Some(a), Some(b)) = (c.item(2).and_then(|s| s.downcast_exact::<Str>()), c.item(1).and_then(|s| s.downcast_exact::<Str>())));
        let sign = if a.as_value().is_same(b.as_value()) || a.eq_chars(b) { 8 } else { 7 };
        let (b, a) = (c.pop_word(), c.pop_word());
        let truth = c.oparg & sign != 0;
        c.compared(truth, b, a)
    }

    /// The general form, once it has turned out not to be one of the special ones.
    fn to_bool(c) {
        if *c.ip == 0 {
            return c.general(op::TO_BOOL);
        }
        let Some(value) = c.item(1) else { return c.general(op::TO_BOOL) };
        *c.ip.cast_mut() -= 1;
        c.save();
        let truth = truth_of(c.vm, value);
        if truth < 0 {
            return c.raised();
        }
        if c.vm.interp.heap.wakeup.get() {
            let value = c.pop_word();
            c.push(Value::from_bool(truth != 0));
            c.skip(3);
            return c.next_awake_without(value, 0);
        }
        c.truth(truth != 0)
    }

    fn to_bool_bool(c) {
        guard!(c, c.item(1).is_some_and(|v| v.is_true() || v.is_false()));
        c.skip(3);
        c.next()
    }

    fn to_bool_int(c) {
        guard!(c, Some(i) = c.item(1).and_then(Value::as_small_int));
        c.truth(i != 0)
    }

    fn to_bool_none(c) {
        guard!(c, c.item(1).is_some_and(Value::is_none));
        c.truth(false)
    }

    fn to_bool_list(c) {
        guard!(c, Some(list) = c.item(1).and_then(|l| l.downcast_exact::<List>()));
        let truth = !list.items(c.vm).is_empty();
        c.truth(truth)
    }

    fn to_bool_str(c) {
        guard!(c, Some(text) = c.item(1).and_then(|t| t.downcast_exact::<Str>()));
        let truth = !text.is_empty();
        c.truth(truth)
    }

    fn to_bool_always_true(c) {
        guard!(c, Some(header) = c.item(1).and_then(Value::header));
        guard!(c, attr::type_version(header) == read_u32(c.ip, 1));
        c.truth(true)
    }
}

impl Cx<'_> {
    /// Puts `value` in place of the two operands.
    #[inline(always)]
    unsafe fn binary_result(mut self, value: Value) -> Exit {
        // SAFETY: the operands are the two topmost items.
        unsafe {
            let (b, a) = (self.pop_word(), self.pop_word());
            self.push(value);
            self.skip(5);
            self.next_without(b, a)
        }
    }

    /// A comparison's result: consumed at once by the conditional jump that mostly follows. The operands have been taken off.
    #[inline(always)]
    pub(super) unsafe fn compared(mut self, truth: bool, b: i64, a: i64) -> Exit {
        // SAFETY: an instruction follows behind the counter.
        unsafe {
            let next = *self.ip.add(1);
            let distance = (next >> 8) as usize;
            match next & 0xff {
                op::POP_JUMP_IF_FALSE => self.skip(3 + if truth { 0 } else { distance }),
                op::POP_JUMP_IF_TRUE => self.skip(3 + if truth { distance } else { 0 }),
                _ => {
                    self.push(Value::from_bool(truth));
                    self.skip(1);
                }
            }
            self.next_without(b, a)
        }
    }

    /// Puts a truth value in place of the topmost item; the conditional jump that mostly follows is done too.
    #[inline(always)]
    unsafe fn truth(mut self, truth: bool) -> Exit {
        // SAFETY: the item is there, and so is the instruction behind the caches.
        unsafe {
            let value = self.pop_word();
            let next = *self.ip.add(3);
            let distance = (next >> 8) as usize;
            match next & 0xff {
                op::POP_JUMP_IF_FALSE => self.skip(5 + if truth { 0 } else { distance }),
                op::POP_JUMP_IF_TRUE => self.skip(5 + if truth { distance } else { 0 }),
                _ => {
                    self.push(Value::from_bool(truth));
                    self.skip(3);
                }
            }
            self.next_without(value, 0)
        }
    }
}

/// The text of `a`, which the slot `left` holds, and `b`. `place` is the variable where it goes next, if it goes there.
#[inline(never)]
unsafe fn joined(vm: &mut Vm, left: *mut Slot, a: &Py<Str>, b: &Py<Str>, place: *mut Slot) -> PyResult {
    // SAFETY: the slots are the frame's own.
    unsafe {
        let is_target = !place.is_null() && (*place).as_ref().is_some_and(|v| v.is_same(a.as_value()));
        if !is_target || a.header().refcnt() != 2 {
            return Ok(vm.str_concat(a, b)?.into_value());
        }
        // The variable's reference goes, and that of the stack is the only one.
        drop((*place).take());
        let left = (*left).take().unwrap_or_else(Value::none);
        vm.str_append(left, b)
    }
}

#[inline(never)]
fn operate(vm: &mut Vm, a: &Value, b: &Value, oparg: u32) -> PyResult {
    match BinaryOp::from_oparg(oparg) {
        Some(which) => vm.binary_op(which, a, b),
        None => Err(vm.system_error("bad operand of BINARY_OP")),
    }
}

/// The truth value; -1 if something was raised.
#[inline(never)]
fn truth_of(vm: &mut Vm, value: &Value) -> i32 {
    match vm.is_true(value) {
        Ok(truth) => i32::from(truth),
        Err(e) => {
            vm.eval.set_raised(e);
            -1
        }
    }
}

#[inline(never)]
fn compared_values(vm: &mut Vm, a: &Value, b: &Value, oparg: u32) -> PyResult {
    compare(vm, a, b, oparg)
}

/// An int that is no word.
#[inline(always)]
fn is_int(value: &Value) -> bool {
    value.downcast_exact::<Int>().is_some()
}

#[cold]
#[inline(never)]
fn same_ints(vm: &Vm, a: &Value, b: &Value) -> bool {
    a.is_identical(b, vm)
}
