//! The dispatch loop.
//!
//! `ip` and `sp` are locals of [`run`]; they are written back to the frame before anything that may look at it: `save!` before what can run
//! Python code or raise. A call of a Python function only switches frames, it does not recurse. Here are the instructions that have to be quick;
//! all others, and the general forms of those, are in [`slow`](super::slow), which leaves registers for these.
//!
//! Invariant: the code has passed the verifier, so that operands, jumps and stack depths are in bounds; what items are on the stack is checked where
//! it matters.
#![allow(unsafe_code, reason = "the value stack is raw memory")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

use crate::eval::call::enter;
use crate::eval::frame::{Frame, Owner, Slot};
use crate::eval::slow::{MISS, Next, slow};
use crate::eval::specialize::{self, arith, data, read_u32, read_u64};
use crate::eval::{instrument, unwind};
use crate::types::dict::Dict;
use crate::types::generator;
use crate::types::list::{List, ListIter};
use crate::types::method::Method;
use crate::types::module::Module;
use crate::types::pyfunction::Function;
use crate::types::range::RangeIter;
use crate::types::str_::Str;
use crate::types::tuple::{Tuple, TupleIter};
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Raised, Value, Vm};
use krait_bytecode::opcode::BinaryOp;
use krait_heap::ObjectFlags;
use std::sync::atomic::Ordering;

/// Opcode numbers as the loops match them.
pub(super) mod op {
    #![allow(dead_code, reason = "all opcodes are here, the loops pick")]
    macro_rules! numbers {
        ($($name:ident = $number:literal, $popped:tt => $pushed:tt, $caches:ident, $base:ident, [$($flag:ident)*];)*) => {
            $(pub const $name: u16 = $number;)*
        };
    }
    krait_bytecode::for_each_opcode!(numbers);
}

/// Ends the running of `frame`: gives its memory back, or puts its generator to rest.
///
/// # Safety
/// `frame` is the frame that runs, `sp` in it is exact.
#[inline(always)]
unsafe fn leave(vm: &mut Vm, frame: *mut Frame) {
    // SAFETY: the caller's promise.
    unsafe {
        vm.eval.frame = (*frame).previous;
        vm.eval.depth -= 1;
        if (*frame).owner == Owner::Thread { vm.free_frame(frame) } else { generator::finish_frame(vm, frame) }
    }
}

/// Runs `entry` until it returns, raises or yields. With `throw` the exception is raised where the frame stands.
///
/// The caller has counted the frame (`enter`) and set `is_entry` and `previous`.
pub(crate) fn run(vm: &mut Vm, entry: *mut Frame, mut throw: Option<Raised>) -> PyResult {
    // SAFETY: see the invariants of this module and of `frame`.
    unsafe {
        let mut frame = entry;
        let mut ip: *const u16 = (*frame).ip;
        let mut sp: *mut Slot = (*frame).sp;
        vm.eval.frame = frame;

        macro_rules! push {
            ($v:expr) => {{
                let value: Value = $v;
                sp.write(Some(value));
                sp = sp.add(1);
            }};
        }
        macro_rules! push_slot {
            ($v:expr) => {{
                let value: Slot = $v;
                sp.write(value);
                sp = sp.add(1);
            }};
        }
        macro_rules! pop_slot {
            () => {{
                sp = sp.sub(1);
                sp.read()
            }};
        }
        // A NULL where a value belongs is for malformed code only; `None` keeps it harmless.
        macro_rules! pop {
            () => {
                match pop_slot!() {
                    Some(v) => v,
                    None => Value::none(),
                }
            };
        }
        macro_rules! slots {
            () => {
                Frame::slots(frame)
            };
        }
        macro_rules! save {
            () => {
                (*frame).ip = ip
            };
        }
        macro_rules! reload {
            () => {{
                sp = (*frame).sp;
                vm.eval.frame = frame;
            }};
        }

        'frames: loop {
            // Whether the exception gets a traceback entry for this frame.
            let mut traced = true;
            let raised: Raised = 'exec: {
                macro_rules! tri {
                    ($e:expr) => {
                        match $e {
                            Ok(v) => v,
                            Err(e) => {
                                save!();
                                break 'exec e;
                            }
                        }
                    };
                }
                macro_rules! fail {
                    ($e:expr) => {{
                        save!();
                        let e: Raised = $e;
                        break 'exec e;
                    }};
                }
                if let Some(e) = throw.take() {
                    // A frame that is resumed by an exception stands behind the instruction it was suspended in.
                    break 'exec if vm.interp.monitoring.used.get() { instrument::thrown(vm, frame, e) } else { e };
                }
                loop {
                    let unit = *ip;
                    ip = ip.add(1);
                    let mut oparg = u32::from(unit >> 8);
                    let mut opcode = unit & 0xff;

                    // Runs finalizers, weak reference callbacks and the collector if they wait.
                    macro_rules! wakeup {
                        () => {
                            if vm.interp.heap.wakeup.get() {
                                (*frame).ip = ip;
                                vm.run_wakeup();
                            }
                        };
                    }
                    macro_rules! breaker {
                        () => {
                            if vm.interp.eval_breaker.load(Ordering::Relaxed) != 0 {
                                save!();
                                tri!(vm.handle_breaker());
                            }
                        };
                    }
                    // Enters a new frame; returning from it goes on `offset` code units behind this opcode.
                    macro_rules! enter_frame {
                        ($new:expr, $offset:expr) => {{
                            let new: *mut Frame = $new;
                            (*frame).ip = ip;
                            (*frame).sp = sp;
                            (*frame).return_offset = $offset;
                            if let Err(e) = enter(vm) {
                                vm.free_frame(new);
                                break 'exec e;
                            }
                            (*new).previous = frame;
                            frame = new;
                            ip = (*frame).ip;
                            reload!();
                        }};
                    }

                    'again: loop {
                        // A guard failed: `slow` does it in the general way.
                        macro_rules! deopt {
                            ($base:ident) => {{
                                opcode = op::$base | MISS;
                                continue 'again;
                            }};
                        }
                        // Puts `$v` in place of the two topmost items.
                        macro_rules! binary_result {
                            ($v:expr) => {{
                                let value: Value = $v;
                                sp = sp.sub(1);
                                drop(sp.read());
                                *sp.sub(1) = Some(value);
                                ip = ip.add(5);
                            }};
                        }
                        // The same when both items are small ints, which own nothing.
                        macro_rules! int_result {
                            ($bits:expr, $caches:literal) => {{
                                let bits: i64 = $bits;
                                sp = sp.sub(1);
                                sp.sub(1).cast::<i64>().write(bits);
                                ip = ip.add($caches);
                            }};
                        }
                        macro_rules! float_op {
                            ($op:tt) => {{
                                let (x, y) = (arith::float_of((*sp.sub(2)).as_ref()), arith::float_of((*sp.sub(1)).as_ref()));
                                let (Some(x), Some(y)) = (x, y) else { deopt!(BINARY_OP) };
                                let result = x $op y;
                                match Value::from_f64_inline(result) {
                                    Some(v) => binary_result!(v),
                                    None => binary_result!(tri!(vm.new_float(result))),
                                }
                            }};
                        }
                        // A comparison's result: consumed at once by the conditional jump that mostly follows.
                        macro_rules! compared {
                            ($truth:expr) => {{
                                let truth: bool = $truth;
                                let next = *ip.add(1);
                                match next & 0xff {
                                    op::POP_JUMP_IF_FALSE => ip = ip.add(3 + if truth { 0 } else { (next >> 8) as usize }),
                                    op::POP_JUMP_IF_TRUE => ip = ip.add(3 + if truth { (next >> 8) as usize } else { 0 }),
                                    _ => {
                                        push!(Value::from_bool(truth));
                                        ip = ip.add(1);
                                    }
                                }
                            }};
                        }

                        match opcode {
                            op::NOP | op::NOT_TAKEN | op::CACHE => {}
                            op::EXTENDED_ARG => {
                                let unit = *ip;
                                ip = ip.add(1);
                                oparg = oparg << 8 | u32::from(unit >> 8);
                                opcode = unit & 0xff;
                                continue 'again;
                            }
                            op::RESUME | op::RESUME_CHECK => {
                                if vm.interp.eval_breaker.load(Ordering::Relaxed) != 0 {
                                    save!();
                                    (*frame).sp = sp;
                                    tri!(vm.handle_breaker());
                                    // Somebody watches this code from now on.
                                    let now = *ip.sub(1) & 0xff;
                                    if now != opcode {
                                        opcode = now;
                                        continue 'again;
                                    }
                                }
                            }
                            // Variables and constants.
                            op::LOAD_FAST | op::LOAD_FAST_BORROW => push_slot!((*slots!().add(oparg as usize)).clone()),
                            op::LOAD_FAST_LOAD_FAST | op::LOAD_FAST_BORROW_LOAD_FAST_BORROW => {
                                push_slot!((*slots!().add(oparg as usize >> 4)).clone());
                                push_slot!((*slots!().add(oparg as usize & 15)).clone());
                            }
                            op::LOAD_FAST_AND_CLEAR => push_slot!((*slots!().add(oparg as usize)).take()),
                            op::STORE_FAST => {
                                let value = pop_slot!();
                                *slots!().add(oparg as usize) = value;
                                wakeup!();
                            }
                            op::STORE_FAST_LOAD_FAST => {
                                let value = pop_slot!();
                                *slots!().add(oparg as usize >> 4) = value;
                                push_slot!((*slots!().add(oparg as usize & 15)).clone());
                                wakeup!();
                            }
                            op::STORE_FAST_STORE_FAST => {
                                let value = pop_slot!();
                                *slots!().add(oparg as usize >> 4) = value;
                                let value = pop_slot!();
                                *slots!().add(oparg as usize & 15) = value;
                                wakeup!();
                            }
                            op::LOAD_CONST | op::LOAD_CONST_IMMORTAL | op::LOAD_CONST_MORTAL => push!((*(*frame).consts.add(oparg as usize)).clone()),
                            op::LOAD_SMALL_INT => push!(Value::from_i32(oparg as i32)),
                            // The stack.
                            op::POP_TOP | op::POP_ITER | op::END_FOR => {
                                drop(pop_slot!());
                                wakeup!();
                            }
                            op::PUSH_NULL => push_slot!(None),
                            op::COPY => push_slot!((*sp.sub(oparg as usize)).clone()),
                            op::SWAP => std::ptr::swap(sp.sub(1), sp.sub(oparg as usize)),
                            op::END_SEND => {
                                let value = pop_slot!();
                                *sp.sub(1) = value;
                                wakeup!();
                            }
                            op::UNARY_NOT => {
                                let a = pop!();
                                push!(Value::from_bool(a.is_false()));
                            }
                            op::IS_OP => {
                                let b = pop!();
                                let a = pop!();
                                let same = a.is_identical(&b, vm);
                                push!(Value::from_bool(same != (oparg & 1 != 0)));
                            }
                            // Jumps. Distances count from behind the caches.
                            op::JUMP_FORWARD => ip = ip.add(oparg as usize),
                            op::JUMP_BACKWARD | op::JUMP_BACKWARD_NO_JIT | op::JUMP_BACKWARD_JIT => {
                                breaker!();
                                ip = ip.add(1).sub(oparg as usize);
                            }
                            op::JUMP_BACKWARD_NO_INTERRUPT => {
                                // Signals wait for a better place, limits do not.
                                if vm.interp.eval_breaker.load(Ordering::Relaxed) & crate::eval::breaker::LIMITS != 0 {
                                    tri!(vm.charge());
                                }
                                ip = ip.sub(oparg as usize);
                            }
                            op::POP_JUMP_IF_FALSE => {
                                let value = pop_slot!();
                                ip = ip.add(1);
                                if value.is_some_and(|v| v.is_false()) {
                                    ip = ip.add(oparg as usize);
                                }
                            }
                            op::POP_JUMP_IF_TRUE => {
                                let value = pop_slot!();
                                ip = ip.add(1);
                                if value.is_some_and(|v| v.is_true()) {
                                    ip = ip.add(oparg as usize);
                                }
                            }
                            op::POP_JUMP_IF_NONE => {
                                let none = pop_slot!().is_none_or(|v| v.is_none());
                                ip = ip.add(1);
                                if none {
                                    ip = ip.add(oparg as usize);
                                }
                                wakeup!();
                            }
                            op::POP_JUMP_IF_NOT_NONE => {
                                let none = pop_slot!().is_none_or(|v| v.is_none());
                                ip = ip.add(1);
                                if !none {
                                    ip = ip.add(oparg as usize);
                                }
                                wakeup!();
                            }
                            // Returning, yielding.
                            op::RETURN_VALUE => {
                                let value = pop!();
                                (*frame).sp = sp;
                                let (is_entry, is_init, previous) = ((*frame).is_entry, (*frame).is_init, (*frame).previous);
                                leave(vm, frame);
                                if is_entry {
                                    return Ok(value);
                                }
                                frame = previous;
                                reload!();
                                if is_init {
                                    if !value.is_none() {
                                        ip = (*frame).ip;
                                        fail!(init_returned(vm, &value));
                                    }
                                } else {
                                    push!(value);
                                }
                                ip = (*frame).ip.add((*frame).return_offset as usize);
                                wakeup!();
                            }
                            op::RETURN_GENERATOR => {
                                if (*frame).owner != Owner::Thread || (*frame).is_init {
                                    fail!(vm.system_error("RETURN_GENERATOR in a generator"))
                                }
                                (*frame).ip = ip;
                                (*frame).sp = sp;
                                let made = tri!(generator::from_frame(vm, frame));
                                let (is_entry, previous) = ((*frame).is_entry, (*frame).previous);
                                vm.eval.stack.pop(frame);
                                vm.eval.frame = previous;
                                vm.eval.depth -= 1;
                                if is_entry {
                                    return Ok(made);
                                }
                                frame = previous;
                                reload!();
                                push!(made);
                                ip = (*frame).ip.add((*frame).return_offset as usize);
                            }
                            op::YIELD_VALUE => {
                                let value = pop!();
                                if (*frame).owner != Owner::Generator {
                                    fail!(vm.system_error("YIELD_VALUE outside of a generator"))
                                }
                                (*frame).ip = ip;
                                (*frame).sp = sp;
                                let (is_entry, previous) = ((*frame).is_entry, (*frame).previous);
                                generator::suspend_frame(vm, frame, oparg);
                                vm.eval.depth -= 1;
                                if is_entry {
                                    return Ok(value);
                                }
                                frame = previous;
                                reload!();
                                push!(value);
                                // Behind SEND or FOR_ITER and its counter.
                                ip = (*frame).ip.add(1);
                            }
                            // Specialised operators.
                            op::BINARY_OP_ADD_INT => {
                                let (a, b) = (sp.sub(2).cast::<i64>().read(), sp.sub(1).cast::<i64>().read());
                                if a & b & 1 == 0 {
                                    deopt!(BINARY_OP)
                                }
                                match a.checked_add(b - 1) {
                                    Some(r) => int_result!(r, 5),
                                    None => deopt!(BINARY_OP),
                                }
                            }
                            op::BINARY_OP_SUBTRACT_INT => {
                                let (a, b) = (sp.sub(2).cast::<i64>().read(), sp.sub(1).cast::<i64>().read());
                                if a & b & 1 == 0 {
                                    deopt!(BINARY_OP)
                                }
                                match a.checked_sub(b - 1) {
                                    Some(r) => int_result!(r, 5),
                                    None => deopt!(BINARY_OP),
                                }
                            }
                            op::BINARY_OP_MULTIPLY_INT => {
                                let (a, b) = (sp.sub(2).cast::<i64>().read(), sp.sub(1).cast::<i64>().read());
                                if a & b & 1 == 0 {
                                    deopt!(BINARY_OP)
                                }
                                match (a >> 1).checked_mul(b - 1) {
                                    Some(r) => int_result!(r | 1, 5),
                                    None => deopt!(BINARY_OP),
                                }
                            }
                            op::BINARY_OP_ADD_FLOAT => float_op!(+),
                            op::BINARY_OP_SUBTRACT_FLOAT => float_op!(-),
                            op::BINARY_OP_MULTIPLY_FLOAT => float_op!(*),
                            op::BINARY_OP_EXTEND => {
                                let (Some(a), Some(b)) = (&*sp.sub(2), &*sp.sub(1)) else { deopt!(BINARY_OP) };
                                let Some(which) = BinaryOp::from_oparg(oparg) else { deopt!(BINARY_OP) };
                                match arith::extend(vm, which, a, b) {
                                    Some(v) => binary_result!(v),
                                    None => deopt!(BINARY_OP),
                                }
                            }
                            op::BINARY_OP_SUBSCR_LIST_INT => {
                                let (Some(a), Some(b)) = (&*sp.sub(2), &*sp.sub(1)) else { deopt!(BINARY_OP) };
                                match a.downcast_exact::<List>().and_then(|l| arith::item_at(l.items(vm), b)) {
                                    Some(v) => binary_result!(v),
                                    None => deopt!(BINARY_OP),
                                }
                                wakeup!();
                            }
                            op::BINARY_OP_SUBSCR_TUPLE_INT => {
                                let (Some(a), Some(b)) = (&*sp.sub(2), &*sp.sub(1)) else { deopt!(BINARY_OP) };
                                match a.downcast_exact::<Tuple>().and_then(|t| arith::item_at(t.items(), b)) {
                                    Some(v) => binary_result!(v),
                                    None => deopt!(BINARY_OP),
                                }
                                wakeup!();
                            }
                            op::COMPARE_OP_INT => {
                                let (a, b) = (sp.sub(2).cast::<i64>().read(), sp.sub(1).cast::<i64>().read());
                                if a & b & 1 == 0 {
                                    deopt!(COMPARE_OP)
                                }
                                let sign = if a < b { 2 } else if a > b { 4 } else { 8 };
                                sp = sp.sub(2);
                                compared!(oparg & sign != 0)
                            }
                            op::COMPARE_OP_FLOAT => {
                                let (x, y) = (arith::float_of((*sp.sub(2)).as_ref()), arith::float_of((*sp.sub(1)).as_ref()));
                                let (Some(x), Some(y)) = (x, y) else { deopt!(COMPARE_OP) };
                                let sign = if x < y { 2 } else if x > y { 4 } else if x == y { 8 } else { 1 };
                                drop((pop_slot!(), pop_slot!()));
                                compared!(oparg & sign != 0)
                            }
                            op::COMPARE_OP_STR => {
                                let strings = ((*sp.sub(2)).as_ref().and_then(|s| s.downcast_exact::<Str>()), (*sp.sub(1)).as_ref().and_then(|s| s.downcast_exact::<Str>()));
                                let (Some(a), Some(b)) = strings else { deopt!(COMPARE_OP) };
                                let sign = if a.eq_chars(b) { 8 } else { 7 };
                                drop((pop_slot!(), pop_slot!()));
                                compared!(oparg & sign != 0)
                            }
                            op::TO_BOOL_BOOL => {
                                if !(*sp.sub(1)).as_ref().is_some_and(|v| v.is_true() || v.is_false()) {
                                    deopt!(TO_BOOL)
                                }
                                ip = ip.add(3);
                            }
                            op::TO_BOOL_INT => {
                                let Some(i) = (*sp.sub(1)).as_ref().and_then(Value::as_small_int) else { deopt!(TO_BOOL) };
                                sp.sub(1).write(Some(Value::from_bool(i != 0)));
                                ip = ip.add(3);
                            }
                            op::TO_BOOL_NONE => {
                                if !(*sp.sub(1)).as_ref().is_some_and(Value::is_none) {
                                    deopt!(TO_BOOL)
                                }
                                sp.sub(1).write(Some(Value::from_bool(false)));
                                ip = ip.add(3);
                            }
                            op::TO_BOOL_LIST => {
                                let Some(l) = (*sp.sub(1)).as_ref().and_then(|l| l.downcast_exact::<List>()) else { deopt!(TO_BOOL) };
                                let truth = !l.items(vm).is_empty();
                                *sp.sub(1) = Some(Value::from_bool(truth));
                                wakeup!();
                                ip = ip.add(3);
                            }
                            op::TO_BOOL_STR => {
                                let Some(t) = (*sp.sub(1)).as_ref().and_then(|t| t.downcast_exact::<Str>()) else { deopt!(TO_BOOL) };
                                let truth = !t.is_empty();
                                *sp.sub(1) = Some(Value::from_bool(truth));
                                ip = ip.add(3);
                            }
                            op::TO_BOOL_ALWAYS_TRUE => {
                                let Some(header) = (*sp.sub(1)).as_ref().and_then(Value::header) else { deopt!(TO_BOOL) };
                                if specialize::attr::type_version(header) != read_u32(ip, 1) {
                                    deopt!(TO_BOOL)
                                }
                                *sp.sub(1) = Some(Value::from_bool(true));
                                wakeup!();
                                ip = ip.add(3);
                            }
                            // Specialised names and attributes.
                            op::LOAD_GLOBAL_MODULE => {
                                let globals = &(*frame).func.globals;
                                if globals.keys_version.get() != u32::from(*ip.add(2)) {
                                    deopt!(LOAD_GLOBAL)
                                }
                                let Some(value) = globals.value_at(vm, *ip.add(1) as usize) else { deopt!(LOAD_GLOBAL) };
                                push!(value.clone());
                                if oparg & 1 != 0 {
                                    push_slot!(None);
                                }
                                ip = ip.add(4);
                            }
                            op::LOAD_GLOBAL_BUILTIN => {
                                let func = &(*frame).func;
                                let Some(builtins) = func.builtins.downcast_exact::<Dict>() else { deopt!(LOAD_GLOBAL) };
                                if func.globals.keys_version.get() != u32::from(*ip.add(2)) || builtins.keys_version.get() != u32::from(*ip.add(3)) {
                                    deopt!(LOAD_GLOBAL)
                                }
                                let Some(value) = builtins.value_at(vm, *ip.add(1) as usize) else { deopt!(LOAD_GLOBAL) };
                                push!(value.clone());
                                if oparg & 1 != 0 {
                                    push_slot!(None);
                                }
                                ip = ip.add(4);
                            }
                            op::LOAD_ATTR_INSTANCE_VALUE => {
                                let Some(header) = (*sp.sub(1)).as_ref().and_then(Value::header) else { deopt!(LOAD_ATTR) };
                                if specialize::attr::type_version(header) != read_u32(ip, 1) || !header.has_flag(ObjectFlags::INLINE_VALUES) {
                                    deopt!(LOAD_ATTR)
                                }
                                let slot = std::ptr::from_ref(header).cast::<u8>().add(read_u32(ip, 3) as usize).cast::<Slot>();
                                let Some(value) = (*slot).clone() else { deopt!(LOAD_ATTR) };
                                *sp.sub(1) = Some(value);
                                if oparg & 1 != 0 {
                                    push_slot!(None);
                                }
                                wakeup!();
                                ip = ip.add(9);
                            }
                            op::LOAD_ATTR_SLOT => {
                                let Some(header) = (*sp.sub(1)).as_ref().and_then(Value::header) else { deopt!(LOAD_ATTR) };
                                if specialize::attr::type_version(header) != read_u32(ip, 1) {
                                    deopt!(LOAD_ATTR)
                                }
                                let slot = std::ptr::from_ref(header).cast::<u8>().sub(read_u32(ip, 3) as usize).cast::<Slot>();
                                let Some(value) = (*slot).clone() else { deopt!(LOAD_ATTR) };
                                *sp.sub(1) = Some(value);
                                if oparg & 1 != 0 {
                                    push_slot!(None);
                                }
                                wakeup!();
                                ip = ip.add(9);
                            }
                            op::LOAD_ATTR_MODULE => {
                                let Some(module) = (*sp.sub(1)).as_ref().and_then(|m| m.downcast_exact::<Module>()) else { deopt!(LOAD_ATTR) };
                                let Some(dict) = module.dict.get(vm) else { deopt!(LOAD_ATTR) };
                                if dict.keys_version.get() != read_u32(ip, 1) {
                                    deopt!(LOAD_ATTR)
                                }
                                let Some(value) = dict.value_at(vm, read_u32(ip, 3) as usize).cloned() else { deopt!(LOAD_ATTR) };
                                *sp.sub(1) = Some(value);
                                if oparg & 1 != 0 {
                                    push_slot!(None);
                                }
                                ip = ip.add(9);
                            }
                            op::LOAD_ATTR_CLASS => {
                                let Some(class) = (*sp.sub(1)).as_ref().and_then(|c| c.downcast_exact::<PyType>()) else { deopt!(LOAD_ATTR) };
                                if class.version.get() != read_u32(ip, 1) {
                                    deopt!(LOAD_ATTR)
                                }
                                *sp.sub(1) = Some(borrowed(read_u64(ip, 5)));
                                if oparg & 1 != 0 {
                                    push_slot!(None);
                                }
                                wakeup!();
                                ip = ip.add(9);
                            }
                            op::LOAD_ATTR_METHOD_WITH_VALUES => {
                                let Some(header) = (*sp.sub(1)).as_ref().and_then(Value::header) else { deopt!(LOAD_ATTR) };
                                if specialize::attr::type_version(header) != read_u32(ip, 1) || !header.has_flag(ObjectFlags::INLINE_VALUES) {
                                    deopt!(LOAD_ATTR)
                                }
                                let zelf = (*sp.sub(1)).replace(borrowed(read_u64(ip, 5)));
                                push_slot!(zelf);
                                ip = ip.add(9);
                            }
                            op::LOAD_ATTR_METHOD_NO_DICT => {
                                let Some(object) = &*sp.sub(1) else { deopt!(LOAD_ATTR) };
                                if object.ty().version.get() != read_u32(ip, 1) {
                                    deopt!(LOAD_ATTR)
                                }
                                let zelf = (*sp.sub(1)).replace(borrowed(read_u64(ip, 5)));
                                push_slot!(zelf);
                                ip = ip.add(9);
                            }
                            op::LOAD_ATTR_NONDESCRIPTOR_WITH_VALUES => {
                                let Some(header) = (*sp.sub(1)).as_ref().and_then(Value::header) else { deopt!(LOAD_ATTR) };
                                if specialize::attr::type_version(header) != read_u32(ip, 1) || !header.has_flag(ObjectFlags::INLINE_VALUES) {
                                    deopt!(LOAD_ATTR)
                                }
                                *sp.sub(1) = Some(borrowed(read_u64(ip, 5)));
                                wakeup!();
                                ip = ip.add(9);
                            }
                            op::LOAD_ATTR_NONDESCRIPTOR_NO_DICT => {
                                let Some(object) = &*sp.sub(1) else { deopt!(LOAD_ATTR) };
                                if object.ty().version.get() != read_u32(ip, 1) {
                                    deopt!(LOAD_ATTR)
                                }
                                *sp.sub(1) = Some(borrowed(read_u64(ip, 5)));
                                wakeup!();
                                ip = ip.add(9);
                            }
                            op::STORE_ATTR_INSTANCE_VALUE => {
                                let Some(header) = (*sp.sub(1)).as_ref().and_then(Value::header) else { deopt!(STORE_ATTR) };
                                if specialize::attr::type_version(header) != read_u32(ip, 1) || !header.has_flag(ObjectFlags::INLINE_VALUES) {
                                    deopt!(STORE_ATTR)
                                }
                                let place = *ip.add(3) as usize;
                                let slot = std::ptr::from_ref(header).cast::<u8>().add((place >> 5) * 8).cast::<Slot>().cast_mut();
                                let object = pop_slot!();
                                let value = pop!();
                                if (*slot).is_some() {
                                    drop((*slot).replace(value));
                                } else if let Some(object) = &object {
                                    // The flag says that there are inline values, so nothing comes back.
                                    let _ = specialize::attr::set_inline(vm, object, place & 31, value);
                                }
                                drop(object);
                                wakeup!();
                                ip = ip.add(4);
                            }
                            op::STORE_ATTR_SLOT => {
                                let Some(header) = (*sp.sub(1)).as_ref().and_then(Value::header) else { deopt!(STORE_ATTR) };
                                if specialize::attr::type_version(header) != read_u32(ip, 1) {
                                    deopt!(STORE_ATTR)
                                }
                                let slot = std::ptr::from_ref(header).cast::<u8>().sub(*ip.add(3) as usize).cast::<Slot>().cast_mut();
                                let object = pop_slot!();
                                let value = pop_slot!();
                                drop(std::mem::replace(&mut *slot, value));
                                drop(object);
                                wakeup!();
                                ip = ip.add(4);
                            }
                            // Specialised calls.
                            op::CALL_PY_EXACT_ARGS => {
                                let count = oparg as usize;
                                let base = sp.sub(count + 2);
                                if !(*base).as_ref().is_some_and(|c| c.is_exact::<Function>()) {
                                    bind_method(base);
                                }
                                let Some(func) = (*base).as_ref().and_then(|c| c.downcast_exact::<Function>()) else { deopt!(CALL) };
                                let has_self = usize::from((*base.add(1)).is_some());
                                if func.version.get() != read_u32(ip, 1) || func.code.get(vm).argcount as usize != count + has_self {
                                    deopt!(CALL)
                                }
                                breaker!();
                                let func: Py<Function> = Py::from_value_unchecked((*base).take().unwrap_or_else(Value::none));
                                let new = tri!(crate::eval::call::exact_frame(vm, func, base.add(2 - has_self), count + has_self));
                                sp = base;
                                enter_frame!(new, 3);
                            }
                            // Specialised iteration and items.
                            op::FOR_ITER_RANGE => {
                                let Some(it) = (*sp.sub(1)).as_ref().and_then(|i| i.downcast_exact::<RangeIter>()) else { deopt!(FOR_ITER) };
                                ip = ip.add(1);
                                match it.advance() {
                                    Some(i) => match Value::small_int(i) {
                                        Some(v) => push!(v),
                                        None => push!(tri!(vm.new_int(i))),
                                    },
                                    None => ip = ip.add(oparg as usize + 1),
                                }
                            }
                            op::FOR_ITER_LIST => {
                                let Some(it) = (*sp.sub(1)).as_ref().and_then(|i| i.downcast_exact::<ListIter>()) else { deopt!(FOR_ITER) };
                                ip = ip.add(1);
                                match it.step(vm) {
                                    Some(v) => push!(v),
                                    None => {
                                        ip = ip.add(oparg as usize + 1);
                                        wakeup!();
                                    }
                                }
                            }
                            op::FOR_ITER_TUPLE => {
                                let Some(it) = (*sp.sub(1)).as_ref().and_then(|i| i.downcast_exact::<TupleIter>()) else { deopt!(FOR_ITER) };
                                let index = it.index.get();
                                let item = it.tuple.get(vm).as_ref().and_then(|t| t.items().get(index)).cloned();
                                ip = ip.add(1);
                                match item {
                                    Some(v) => {
                                        it.index.set(index + 1);
                                        push!(v)
                                    }
                                    None => {
                                        drop(it.tuple.replace(vm, None));
                                        ip = ip.add(oparg as usize + 1);
                                        wakeup!();
                                    }
                                }
                            }
                            op::UNPACK_SEQUENCE_TWO_TUPLE => {
                                let Some(t) = (*sp.sub(1)).as_ref().and_then(|t| t.downcast_exact::<Tuple>()) else { deopt!(UNPACK_SEQUENCE) };
                                let [a, b] = t.items() else { deopt!(UNPACK_SEQUENCE) };
                                let (a, b) = (a.clone(), b.clone());
                                *sp.sub(1) = Some(b);
                                push!(a);
                                wakeup!();
                                ip = ip.add(1);
                            }
                            op::STORE_SUBSCR_LIST_INT => {
                                let (Some(key), Some(list)) = (&*sp.sub(1), (*sp.sub(2)).as_ref().and_then(|l| l.downcast_exact::<List>())) else { deopt!(STORE_SUBSCR) };
                                let Some(value) = (*sp.sub(3)).take() else { deopt!(STORE_SUBSCR) };
                                match data::set_item(vm, list, key, value) {
                                    Ok(old) => drop(old),
                                    Err(value) => {
                                        *sp.sub(3) = Some(value);
                                        deopt!(STORE_SUBSCR)
                                    }
                                }
                                drop((pop_slot!(), pop_slot!(), pop_slot!()));
                                wakeup!();
                                ip = ip.add(1);
                            }
                            // Everything else.
                            _ => {
                                (*frame).ip = ip;
                                (*frame).sp = sp;
                                let next = slow(vm, frame, opcode, oparg);
                                sp = (*frame).sp;
                                match next {
                                    Next::Continue => {
                                        ip = (*frame).ip;
                                        wakeup!();
                                    }
                                    Next::Again => {
                                        opcode = *ip.sub(1) & 0xff;
                                        continue 'again;
                                    }
                                    Next::Frame => {
                                        let new = vm.eval.entering;
                                        if let Err(e) = enter(vm) {
                                            vm.free_frame(new);
                                            break 'exec e;
                                        }
                                        (*new).previous = frame;
                                        frame = new;
                                        ip = (*frame).ip;
                                        reload!();
                                    }
                                    Next::Generator => {
                                        frame = vm.eval.entering;
                                        ip = (*frame).ip;
                                        reload!();
                                    }
                                    Next::Base => {
                                        opcode = vm.eval.base_opcode;
                                        continue 'again;
                                    }
                                    Next::Error => break 'exec unwind::take_raised(vm),
                                    Next::ErrorHere => {
                                        ip = (*frame).ip;
                                        break 'exec unwind::take_raised(vm);
                                    }
                                    Next::Untraced => {
                                        traced = false;
                                        break 'exec unwind::take_raised(vm);
                                    }
                                }
                            }
                        }
                        break 'again;
                    }
                }
            };

            // An exception leaves the instruction in front of `ip`; the frame's own `ip` says which one it counts as.
            let mut raised = raised;
            let mut log = true;
            loop {
                if log {
                    if traced {
                        unwind::add_traceback(vm, frame, &raised);
                    }
                    if vm.interp.monitoring.used.get() {
                        (*frame).sp = sp;
                        raised = instrument::raising(vm, frame, !traced, raised);
                    }
                }
                (traced, log) = (true, true);
                match unwind::find_handler(vm, frame, ip, sp, raised) {
                    Ok((to, top)) => {
                        ip = to;
                        sp = top;
                        if vm.interp.monitoring.used.get() {
                            (*frame).sp = sp;
                            if let Err(e) = unwind::tell_handled(vm, frame, to) {
                                (raised, log) = (e, false);
                                continue;
                            }
                        }
                        if vm.interp.heap.wakeup.get() {
                            // The handler's exception is on the stack; nothing is lost by running others now.
                            vm.run_wakeup();
                        }
                        continue 'frames;
                    }
                    Err(e) => raised = e,
                }
                (*frame).sp = sp;
                if vm.interp.monitoring.used.get() {
                    raised = instrument::unwinding(vm, frame, raised);
                }
                let (is_entry, previous) = ((*frame).is_entry, (*frame).previous);
                leave(vm, frame);
                if is_entry {
                    return Err(raised);
                }
                frame = previous;
                reload!();
                ip = (*frame).ip;
            }
        }
    }
}


#[cold]
fn init_returned(vm: &mut Vm, value: &Value) -> Raised {
    let got = value.type_name();
    vm.type_error(format!("__init__() should return None, not '{got}'"))
}

/// Replaces a bound method that is to be called by its function and object.
///
/// # Safety
/// `base` points at the callable's slot, with the one for the object behind it.
#[inline(always)]
pub(super) unsafe fn bind_method(base: *mut Slot) {
    // SAFETY: the caller's promise.
    unsafe {
        if (*base.add(1)).is_some() {
            return;
        }
        let parts = (*base).as_ref().and_then(|c| c.downcast_exact::<Method>()).map(|m| (m.func.clone(), m.zelf.clone()));
        if let Some((func, zelf)) = parts {
            *base.add(1) = Some(zelf);
            *base = Some(func);
        }
    }
}

/// A new reference to the value whose word a cache holds.
///
/// # Safety
/// The word is of a value that is alive, for which the guards vouch.
#[inline(always)]
pub(super) unsafe fn borrowed(bits: u64) -> Value {
    // SAFETY: the caller's promise; the cache's own word stays uncounted.
    unsafe { (*std::ptr::from_ref(&bits).cast::<Value>()).clone() }
}
