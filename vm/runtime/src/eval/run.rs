//! The dispatch loop.
//!
//! `ip`, `sp` and the frame's parts are locals of [`run`]; they are written back to the frame before anything that may look at it: `save!`
//! before what can run Python code or raise. A call of a Python function only switches frames, it does not recurse.
//!
//! Invariant: the code has passed the verifier, so that operands, jumps and stack depths are in bounds; what items are on the stack is checked where
//! it matters.
#![allow(unsafe_code, reason = "the value stack is raw memory")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]
#![allow(clippy::cognitive_complexity, reason = "one arm for each opcode")]

use crate::eval::call::{enter, make_frame};
use crate::eval::frame::{Frame, Owner, Slot};
use crate::eval::ops::{self, attr, build, call as calls, exceptions, import_, intrinsic, match_, names};
use crate::eval::specialize::{self, Site, arith, data, read_u32, read_u64};
use crate::eval::{pending_types, unwind};
use crate::types::class::flags;
use crate::types::dict::Dict;
use crate::types::exceptions::{BaseException, StopAsyncIteration, StopIteration};
use crate::types::generator::{self, Coroutine, Generator, state, state_of, stop_value};
use crate::types::list::{List, ListIter};
use crate::types::method::Method;
use crate::types::module::Module;
use crate::types::native::{BuiltinFunction, MethodDescr};
use crate::types::pyfunction::Function;
use crate::types::range::RangeIter;
use crate::types::slots::{CompareOp, SendResult};
use crate::types::str_::Str;
use crate::types::tuple::{Tuple, TupleIter};
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyClass, PyResult, Raised, Value, Vm};
use krait_bytecode::opcode::BinaryOp;
use krait_heap::ObjectFlags;
use std::sync::atomic::Ordering;

/// Opcode numbers as the loop matches them.
mod op {
    #![allow(dead_code, reason = "all opcodes are here, the loop picks")]
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

#[cold]
fn bad_opcode(vm: &mut Vm, number: u16) -> Raised {
    vm.system_error(format!("unknown opcode {number}"))
}

/// Whether the class of `value` is a coroutine or generator that can be run without leaving the loop.
#[inline(always)]
fn resumable(value: &Value) -> bool {
    (value.is_exact::<Generator>() || value.is_exact::<Coroutine>())
        && state_of(value).is_some_and(|s| matches!(s.state.get(), state::SUSPENDED | state::SUSPENDED_YIELD_FROM))
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
        let mut slots: *mut Slot = Frame::slots(frame);
        let mut consts: *const Value = (*frame).code.consts.items().as_ptr();
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
        macro_rules! peek {
            ($n:expr) => {
                match &*sp.sub($n) {
                    Some(v) => v.clone(),
                    None => Value::none(),
                }
            };
        }
        macro_rules! save {
            () => {
                (*frame).ip = ip
            };
        }
        macro_rules! reload {
            () => {{
                slots = Frame::slots(frame);
                consts = (*frame).code.consts.items().as_ptr();
                sp = (*frame).sp;
                vm.eval.frame = frame;
            }};
        }
        macro_rules! name {
            ($i:expr) => {
                match (*frame).code.name_at($i as usize) {
                    Some(n) => n.clone(),
                    None => n!(empty).clone(),
                }
            };
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
                    if ip > (*frame).code.start() {
                        save!();
                    } else {
                        (*frame).ip = ip.add(1);
                        ip = ip.add(1);
                    }
                    break 'exec e;
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
                            if vm.interp.eval_breaker.load(Ordering::Relaxed) != 0 || vm.eval.async_exc.is_some() {
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
                    // Resumes a generator on top of this frame.
                    macro_rules! enter_generator {
                        ($state:expr, $value:expr, $offset:expr) => {{
                            (*frame).ip = ip;
                            (*frame).sp = sp;
                            (*frame).return_offset = $offset;
                            if let Err(e) = enter(vm) {
                                break 'exec e;
                            }
                            let new = generator::resume_frame(vm, $state, $value);
                            (*new).is_entry = false;
                            frame = new;
                            ip = (*frame).ip;
                            reload!();
                        }};
                    }

                    'again: loop {
                    // Tries to specialise when the counter is at zero, and looks at the instruction anew.
                    macro_rules! adapt {
                        ($call:expr) => {{
                            let counter = *ip;
                            if counter == 0 {
                                $call;
                                opcode = *ip.sub(1) & 0xff;
                                continue 'again;
                            }
                            *ip.cast_mut() = counter - 1;
                        }};
                    }
                    // A guard failed: does it in the general way, for good after too many times.
                    macro_rules! deopt {
                        ($base:ident) => {{
                            let counter = *ip;
                            if counter == 0 {
                                *ip.sub(1).cast_mut() = *ip.sub(1) & 0xff00 | op::$base;
                            } else {
                                *ip.cast_mut() = counter - 1;
                            }
                            opcode = op::$base;
                            continue 'again;
                        }};
                    }
                    macro_rules! site {
                        () => {
                            Site::before(ip)
                        };
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
                            op::RESUME | op::RESUME_CHECK => breaker!(),

                            // Variables and constants.
                            op::LOAD_FAST | op::LOAD_FAST_BORROW => push_slot!((*slots.add(oparg as usize)).clone()),
                            op::LOAD_FAST_CHECK => match &*slots.add(oparg as usize) {
                                Some(v) => push!(v.clone()),
                                None => {
                                    save!();
                                    let code = (*frame).code.clone();
                                    fail!(unbound_fast(vm, &code, oparg as usize))
                                }
                            },
                            op::LOAD_FAST_LOAD_FAST | op::LOAD_FAST_BORROW_LOAD_FAST_BORROW => {
                                push_slot!((*slots.add(oparg as usize >> 4)).clone());
                                push_slot!((*slots.add(oparg as usize & 15)).clone());
                            }
                            op::LOAD_FAST_AND_CLEAR => push_slot!((*slots.add(oparg as usize)).take()),
                            op::STORE_FAST => {
                                let value = pop_slot!();
                                *slots.add(oparg as usize) = value;
                                wakeup!();
                            }
                            op::STORE_FAST_LOAD_FAST => {
                                let value = pop_slot!();
                                *slots.add(oparg as usize >> 4) = value;
                                push_slot!((*slots.add(oparg as usize & 15)).clone());
                                wakeup!();
                            }
                            op::STORE_FAST_STORE_FAST => {
                                let value = pop_slot!();
                                *slots.add(oparg as usize >> 4) = value;
                                let value = pop_slot!();
                                *slots.add(oparg as usize & 15) = value;
                                wakeup!();
                            }
                            op::DELETE_FAST => {
                                if (*slots.add(oparg as usize)).take().is_none() {
                                    let code = (*frame).code.clone();
                                    fail!(unbound_fast(vm, &code, oparg as usize))
                                }
                                wakeup!();
                            }
                            op::LOAD_CONST | op::LOAD_CONST_IMMORTAL | op::LOAD_CONST_MORTAL => push!((*consts.add(oparg as usize)).clone()),
                            op::LOAD_SMALL_INT => push!(Value::from_i32(oparg as i32)),
                            op::LOAD_COMMON_CONSTANT => {
                                save!();
                                push!(tri!(names::load_common_constant(vm, oparg)))
                            }

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

                            // Operators.
                            op::BINARY_OP => {
                                adapt!(arith::binary_op(vm, site!(), (*sp.sub(2)).as_ref(), (*sp.sub(1)).as_ref(), oparg));
                                save!();
                                let b = pop!();
                                let a = pop!();
                                let result = match BinaryOp::from_oparg(oparg) {
                                    Some(which) => vm.binary_op(which, &a, &b),
                                    None => Err(vm.system_error("bad operand of BINARY_OP")),
                                };
                                drop((a, b));
                                push!(tri!(result));
                                wakeup!();
                                ip = ip.add(5);
                            }
                            op::UNARY_NEGATIVE => {
                                save!();
                                let a = pop!();
                                push!(tri!(vm.negative(&a)));
                            }
                            op::UNARY_INVERT => {
                                save!();
                                let a = pop!();
                                push!(tri!(vm.invert(&a)));
                            }
                            op::UNARY_NOT => {
                                let a = pop!();
                                push!(Value::from_bool(a.is_false()));
                            }
                            op::TO_BOOL => {
                                adapt!(arith::to_bool(vm, site!(), (*sp.sub(1)).as_ref()));
                                save!();
                                let a = pop!();
                                let truth = tri!(vm.is_true(&a));
                                drop(a);
                                push!(Value::from_bool(truth));
                                wakeup!();
                                ip = ip.add(3);
                            }
                            op::COMPARE_OP => {
                                adapt!(arith::compare_op(site!(), (*sp.sub(2)).as_ref(), (*sp.sub(1)).as_ref(), oparg));
                                save!();
                                let b = pop!();
                                let a = pop!();
                                let result = compare(vm, &a, &b, oparg);
                                drop((a, b));
                                push!(tri!(result));
                                wakeup!();
                                ip = ip.add(1);
                            }
                            op::IS_OP => {
                                let b = pop!();
                                let a = pop!();
                                let same = a.is_identical(&b, vm);
                                push!(Value::from_bool(same != (oparg & 1 != 0)));
                            }
                            op::CONTAINS_OP => {
                                save!();
                                let container = pop!();
                                let item = pop!();
                                let found = tri!(vm.contains(&container, &item));
                                drop((container, item));
                                push!(Value::from_bool(found != (oparg & 1 != 0)));
                                wakeup!();
                                ip = ip.add(1);
                            }
                            op::BINARY_SLICE => {
                                save!();
                                let stop = pop!();
                                let start = pop!();
                                let container = pop!();
                                push!(tri!(build::binary_slice(vm, &container, start, stop)));
                            }
                            op::STORE_SLICE => {
                                save!();
                                let stop = pop!();
                                let start = pop!();
                                let container = pop!();
                                let value = pop!();
                                tri!(build::store_slice(vm, &container, start, stop, &value));
                                drop((container, value));
                                wakeup!();
                            }
                            op::STORE_SUBSCR => {
                                adapt!(data::store_subscr(site!(), (*sp.sub(2)).as_ref(), (*sp.sub(1)).as_ref()));
                                save!();
                                let key = pop!();
                                let container = pop!();
                                let value = pop!();
                                tri!(vm.setitem(&container, &key, &value));
                                drop((key, container, value));
                                wakeup!();
                                ip = ip.add(1);
                            }
                            op::DELETE_SUBSCR => {
                                save!();
                                let key = pop!();
                                let container = pop!();
                                tri!(vm.delitem(&container, &key));
                                drop((key, container));
                                wakeup!();
                            }

                            // Jumps. Distances count from behind the caches.
                            op::JUMP_FORWARD => ip = ip.add(oparg as usize),
                            op::JUMP_BACKWARD | op::JUMP_BACKWARD_NO_JIT | op::JUMP_BACKWARD_JIT => {
                                breaker!();
                                ip = ip.add(1).sub(oparg as usize);
                            }
                            op::JUMP_BACKWARD_NO_INTERRUPT => ip = ip.sub(oparg as usize),
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

                            // Names.
                            op::LOAD_GLOBAL => {
                                adapt!({
                                    let (name, func) = (name!(oparg >> 1), (*frame).func.clone());
                                    specialize::attr::load_global(vm, site!(), &func, &name)
                                });
                                save!();
                                let name = name!(oparg >> 1);
                                let func = (*frame).func.clone();
                                push!(tri!(names::load_global(vm, &func, &name)));
                                if oparg & 1 != 0 {
                                    push_slot!(None);
                                }
                                ip = ip.add(4);
                            }
                            op::LOAD_NAME => {
                                save!();
                                let (name, func, locals) = (name!(oparg), (*frame).func.clone(), (*frame).locals.clone());
                                push!(tri!(names::load_name(vm, locals.as_ref(), &func, &name)));
                            }
                            op::STORE_NAME => {
                                save!();
                                let (name, locals, value) = (name!(oparg), (*frame).locals.clone(), pop!());
                                tri!(names::store_name(vm, locals.as_ref(), &name, value));
                                wakeup!();
                            }
                            op::DELETE_NAME => {
                                save!();
                                let (name, locals) = (name!(oparg), (*frame).locals.clone());
                                tri!(names::delete_name(vm, locals.as_ref(), &name));
                                wakeup!();
                            }
                            op::STORE_GLOBAL => {
                                save!();
                                let (name, func, value) = (name!(oparg), (*frame).func.clone(), pop!());
                                tri!(func.globals.set_str(vm, &name, value));
                                wakeup!();
                            }
                            op::DELETE_GLOBAL => {
                                save!();
                                let (name, func) = (name!(oparg), (*frame).func.clone());
                                tri!(names::delete_global(vm, &func.globals, &name));
                                wakeup!();
                            }
                            op::LOAD_LOCALS => match (*frame).locals.clone() {
                                Some(locals) => push!(locals),
                                None => fail!(vm.system_error("no locals")),
                            },
                            op::LOAD_FROM_DICT_OR_GLOBALS => {
                                save!();
                                let (mapping, name, func) = (pop!(), name!(oparg), (*frame).func.clone());
                                push!(tri!(names::load_from_dict_or_globals(vm, &mapping, &func, &name)));
                            }
                            op::LOAD_FROM_DICT_OR_DEREF => {
                                save!();
                                let (mapping, code, cell) = (pop!(), (*frame).code.clone(), (*slots.add(oparg as usize)).clone());
                                push!(tri!(names::load_from_dict_or_deref(vm, &mapping, &code, cell.as_ref(), oparg as usize)));
                            }
                            op::LOAD_DEREF => {
                                save!();
                                let code = &(*frame).code;
                                push!(tri!(names::load_deref(vm, code, (*slots.add(oparg as usize)).as_ref(), oparg as usize)));
                            }
                            op::STORE_DEREF => {
                                save!();
                                let value = pop_slot!();
                                let old = tri!(names::store_deref(vm, (*slots.add(oparg as usize)).as_ref(), value));
                                drop(old);
                                wakeup!();
                            }
                            op::DELETE_DEREF => {
                                save!();
                                let old = tri!(names::store_deref(vm, (*slots.add(oparg as usize)).as_ref(), None));
                                if old.is_none() {
                                    let code = (*frame).code.clone();
                                    fail!(names::unbound_error(vm, &code, oparg as usize))
                                }
                                drop(old);
                                wakeup!();
                            }
                            op::MAKE_CELL => {
                                let initial = (*slots.add(oparg as usize)).take();
                                let cell = tri!(vm.new_cell(initial));
                                *slots.add(oparg as usize) = Some(cell.into_value());
                            }
                            op::COPY_FREE_VARS => {
                                let closure = (*frame).func.closure.load(vm);
                                let first = (*frame).code.nlocalsplus() - oparg as usize;
                                for (i, cell) in closure.iter().flat_map(|c| c.items()).take(oparg as usize).enumerate() {
                                    *slots.add(first + i) = Some(cell.clone());
                                }
                            }

                            // Attributes.
                            op::LOAD_ATTR => {
                                adapt!({
                                    let name = name!(oparg >> 1);
                                    specialize::attr::load_attr(vm, site!(), (*sp.sub(1)).as_ref(), &name, oparg)
                                });
                                save!();
                                let name = name!(oparg >> 1);
                                let object = pop!();
                                if oparg & 1 == 0 {
                                    push!(tri!(vm.getattr(&object, &name)));
                                } else {
                                    let (value, zelf) = tri!(attr::load_method(vm, &object, &name));
                                    push!(value);
                                    push_slot!(zelf);
                                }
                                drop(object);
                                wakeup!();
                                ip = ip.add(9);
                            }
                            op::STORE_ATTR => {
                                adapt!({
                                    let name = name!(oparg);
                                    specialize::attr::store_attr(vm, site!(), (*sp.sub(1)).as_ref(), &name)
                                });
                                save!();
                                let name = name!(oparg);
                                let object = pop!();
                                let value = pop!();
                                tri!(vm.setattr(&object, &name, &value));
                                drop((object, value));
                                wakeup!();
                                ip = ip.add(4);
                            }
                            op::DELETE_ATTR => {
                                save!();
                                let (name, object) = (name!(oparg), pop!());
                                tri!(vm.delattr(&object, &name));
                                drop(object);
                                wakeup!();
                            }
                            op::LOAD_SUPER_ATTR => {
                                save!();
                                let name = name!(oparg >> 2);
                                let zelf = pop!();
                                let class = pop!();
                                let global_super = pop!();
                                push!(tri!(attr::load_super_attr(vm, &global_super, &class, &zelf, &name, oparg)));
                                if oparg & 1 != 0 {
                                    push_slot!(None);
                                }
                                ip = ip.add(1);
                            }
                            op::LOAD_SPECIAL => {
                                save!();
                                let owner = pop!();
                                let (method, zelf) = tri!(attr::load_special(vm, &owner, oparg));
                                push!(method);
                                push_slot!(zelf);
                            }

                            // Making things.
                            op::BUILD_TUPLE => {
                                sp = sp.sub(oparg as usize);
                                let items = calls::take(sp, oparg as usize);
                                push!(tri!(vm.new_tuple(items)).into_value());
                                wakeup!();
                            }
                            op::BUILD_LIST => {
                                sp = sp.sub(oparg as usize);
                                let items = calls::take(sp, oparg as usize);
                                push!(tri!(vm.new_list(items)).into_value());
                                wakeup!();
                            }
                            op::BUILD_SET => {
                                save!();
                                sp = sp.sub(oparg as usize);
                                let items = calls::take(sp, oparg as usize);
                                push!(tri!(pending_types::set(vm, items)));
                            }
                            op::BUILD_MAP => {
                                save!();
                                sp = sp.sub(2 * oparg as usize);
                                let items = calls::take(sp, 2 * oparg as usize);
                                push!(tri!(build::build_map(vm, &items)));
                                wakeup!();
                            }
                            op::BUILD_SLICE => {
                                sp = sp.sub(oparg as usize);
                                let items = calls::take(sp, oparg as usize);
                                push!(tri!(pending_types::slice(vm, items)));
                            }
                            op::BUILD_STRING => {
                                sp = sp.sub(oparg as usize);
                                let items = calls::take(sp, oparg as usize);
                                push!(tri!(build::build_string(vm, &items)));
                            }
                            op::BUILD_INTERPOLATION => {
                                save!();
                                let spec = if oparg & 1 != 0 { pop_slot!() } else { None };
                                let expression = pop!();
                                let value = pop!();
                                push!(tri!(pending_types::interpolation(vm, value, expression, oparg >> 2, spec)));
                            }
                            op::BUILD_TEMPLATE => {
                                save!();
                                let interpolations = pop!();
                                let strings = pop!();
                                push!(tri!(pending_types::template(vm, strings, interpolations)));
                            }
                            op::LIST_APPEND => {
                                let item = pop!();
                                let list = peek!(oparg as usize);
                                tri!(build::list_append(vm, &list, item));
                            }
                            op::LIST_EXTEND => {
                                save!();
                                let iterable = pop!();
                                let list = peek!(oparg as usize);
                                tri!(build::list_extend(vm, &list, &iterable));
                                drop(iterable);
                                wakeup!();
                            }
                            op::SET_ADD => {
                                save!();
                                let item = pop!();
                                let set = peek!(oparg as usize);
                                tri!(pending_types::set_add(vm, &set, item));
                            }
                            op::SET_UPDATE => {
                                save!();
                                let iterable = pop!();
                                let set = peek!(oparg as usize);
                                tri!(build::set_update(vm, &set, &iterable));
                            }
                            op::MAP_ADD => {
                                save!();
                                let value = pop!();
                                let key = pop!();
                                let dict = peek!(oparg as usize);
                                tri!(build::map_add(vm, &dict, &key, value));
                                drop(key);
                                wakeup!();
                            }
                            op::DICT_UPDATE => {
                                save!();
                                let update = pop!();
                                let dict = peek!(oparg as usize);
                                tri!(build::dict_update(vm, &dict, &update));
                                drop(update);
                                wakeup!();
                            }
                            op::DICT_MERGE => {
                                save!();
                                let update = pop!();
                                let dict = peek!(oparg as usize);
                                let callable = peek!(oparg as usize + 3);
                                tri!(build::dict_merge(vm, &callable, &dict, &update));
                                drop(update);
                                wakeup!();
                            }
                            op::CONVERT_VALUE => {
                                save!();
                                let value = pop!();
                                push!(tri!(build::convert_value(vm, &value, oparg)));
                            }
                            op::FORMAT_SIMPLE => {
                                save!();
                                let value = pop!();
                                push!(tri!(build::format(vm, value, None)));
                            }
                            op::FORMAT_WITH_SPEC => {
                                save!();
                                let spec = pop!();
                                let value = pop!();
                                push!(tri!(build::format(vm, value, Some(&spec))));
                            }
                            op::UNPACK_SEQUENCE => {
                                adapt!(data::unpack_sequence(site!(), (*sp.sub(1)).as_ref(), oparg));
                                save!();
                                let value = pop!();
                                let items = tri!(build::unpack(vm, &value, oparg as usize, None));
                                drop(value);
                                for item in items.into_iter().rev() {
                                    push!(item);
                                }
                                wakeup!();
                                ip = ip.add(1);
                            }
                            op::UNPACK_EX => {
                                save!();
                                let value = pop!();
                                let items = tri!(build::unpack(vm, &value, oparg as usize & 0xff, Some(oparg as usize >> 8)));
                                drop(value);
                                for item in items.into_iter().rev() {
                                    push!(item);
                                }
                                wakeup!();
                            }

                            // Calls.
                            op::CALL => {
                                let mut count = oparg as usize;
                                let mut first = sp.sub(count);
                                let base = sp.sub(count + 2);
                                bind_method(base);
                                adapt!(specialize::call::call(vm, site!(), (*base).as_ref(), (*base.add(1)).as_ref(), count));
                                breaker!();
                                save!();
                                if (*base.add(1)).is_some() {
                                    first = first.sub(1);
                                    count += 1;
                                }
                                if let Some(func) = (*base).as_ref().and_then(|c| c.downcast_exact::<Function>()) {
                                    let func = func.clone();
                                    let new = make_frame(vm, func, first, count, &[]);
                                    calls::drop_slots(base, sp.offset_from(base) as usize);
                                    sp = base;
                                    let new = tri!(new);
                                    enter_frame!(new, 3);
                                    break 'again;
                                }
                                let callable = (*base).take().unwrap_or_else(Value::none);
                                let result = vm.call_args(&callable, Args::new(calls::values(first, count)));
                                calls::drop_slots(base, sp.offset_from(base) as usize);
                                sp = base;
                                drop(callable);
                                push!(tri!(result));
                                wakeup!();
                                ip = ip.add(3);
                            }
                            op::CALL_KW => {
                                breaker!();
                                save!();
                                let kwnames = match pop!().into_py::<Tuple>() {
                                    Ok(t) => t,
                                    Err(_) => fail!(vm.system_error("CALL_KW without names")),
                                };
                                let mut count = oparg as usize;
                                let mut first = sp.sub(count);
                                let base = sp.sub(count + 2);
                                bind_method(base);
                                if (*base.add(1)).is_some() {
                                    first = first.sub(1);
                                    count += 1;
                                }
                                if kwnames.len() > count {
                                    fail!(vm.system_error("CALL_KW with too many names"))
                                }
                                if let Some(func) = (*base).as_ref().and_then(|c| c.downcast_exact::<Function>()) {
                                    let func = func.clone();
                                    let new = make_frame(vm, func, first, count - kwnames.len(), kwnames.items());
                                    calls::drop_slots(base, sp.offset_from(base) as usize);
                                    sp = base;
                                    let new = tri!(new);
                                    enter_frame!(new, 3);
                                    break 'again;
                                }
                                let callable = (*base).take().unwrap_or_else(Value::none);
                                let result = vm.call_args(&callable, Args::with_keywords(calls::values(first, count), kwnames.items()));
                                calls::drop_slots(base, sp.offset_from(base) as usize);
                                sp = base;
                                drop(callable);
                                push!(tri!(result));
                                wakeup!();
                                ip = ip.add(3);
                            }
                            op::CALL_FUNCTION_EX => {
                                breaker!();
                                save!();
                                let kwargs = pop_slot!();
                                let args = pop!();
                                drop(pop_slot!());
                                let callable = pop!();
                                let args = tri!(build::call_args_tuple(vm, &callable, args));
                                let kwargs = match kwargs {
                                    None => None,
                                    Some(k) if k.is::<Dict>() => k.into_py::<Dict>().ok(),
                                    Some(k) => {
                                        let dict = tri!(vm.new_dict()).into_value();
                                        tri!(build::dict_merge(vm, &callable, &dict, &k));
                                        dict.into_py::<Dict>().ok()
                                    }
                                };
                                if let Some(func) = callable.downcast_exact::<Function>() {
                                    let func = func.clone();
                                    let new = tri!(frame_for_ex(vm, func, &args, kwargs.as_ref()));
                                    drop((args, kwargs, callable));
                                    enter_frame!(new, 0);
                                    break 'again;
                                }
                                let result = vm.call_tuple_dict(&callable, &args, kwargs.as_ref());
                                drop((args, kwargs, callable));
                                push!(tri!(result));
                                wakeup!();
                            }
                            op::MAKE_FUNCTION => {
                                let code = pop!();
                                let Some(code) = code.downcast_exact::<crate::types::code::CodeObject>() else {
                                    fail!(vm.system_error("MAKE_FUNCTION without code"))
                                };
                                let func = &(*frame).func;
                                let function = tri!(vm.new_function_with(code, &func.globals, func.builtins.clone()));
                                push!(function.into_value());
                                wakeup!();
                            }
                            op::SET_FUNCTION_ATTRIBUTE => {
                                let function = pop!();
                                let attribute = pop!();
                                tri!(calls::set_function_attribute(vm, &function, attribute, oparg));
                                push!(function);
                            }
                            op::LOAD_BUILD_CLASS => {
                                save!();
                                let func = (*frame).func.clone();
                                push!(tri!(names::load_build_class(vm, &func)));
                            }
                            op::SETUP_ANNOTATIONS => {
                                save!();
                                let locals = (*frame).locals.clone();
                                tri!(names::setup_annotations(vm, locals.as_ref()));
                            }
                            op::CALL_INTRINSIC_1 => {
                                save!();
                                let value = pop!();
                                let (func, locals) = ((*frame).func.clone(), (*frame).locals.clone());
                                let cx = intrinsic::Context { func: &func, locals: locals.as_ref(), code_flags: (*frame).code.flags };
                                push!(tri!(intrinsic::intrinsic_1(vm, oparg, value, &cx)));
                                wakeup!();
                            }
                            op::CALL_INTRINSIC_2 => {
                                save!();
                                let b = pop!();
                                let a = pop!();
                                push!(tri!(intrinsic::intrinsic_2(vm, oparg, a, b)));
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
                            op::INTERPRETER_EXIT => fail!(vm.system_error("INTERPRETER_EXIT in a code object")),

                            // Iteration.
                            op::GET_ITER => {
                                save!();
                                let value = pop!();
                                let iterator = tri!(vm.iter(&value));
                                drop(value);
                                push!(iterator);
                                wakeup!();
                            }
                            op::FOR_ITER => {
                                adapt!(data::for_iter(site!(), (*sp.sub(1)).as_ref()));
                                save!();
                                let iterator = &*sp.sub(1);
                                let next = match iterator {
                                    Some(it) => match it.ty().slots.iternext.get() {
                                        Some(slot) => slot(vm, it),
                                        None => vm.iter_next(it),
                                    },
                                    None => Ok(None),
                                };
                                ip = ip.add(1);
                                match next {
                                    Ok(Some(item)) => push!(item),
                                    Ok(None) => ip = ip.add(oparg as usize + 1),
                                    Err(e) if vm.is_raised::<StopIteration>(&e) => ip = ip.add(oparg as usize + 1),
                                    Err(e) => {
                                        ip = ip.sub(1);
                                        fail!(e)
                                    }
                                }
                                wakeup!();
                            }
                            op::GET_LEN => {
                                save!();
                                let object = peek!(1);
                                let len = tri!(vm.len(&object));
                                push!(tri!(vm.new_int(len)));
                            }

                            // Patterns.
                            op::MATCH_MAPPING => {
                                let is = (*sp.sub(1)).as_ref().is_some_and(|v| v.type_flag(flags::MAPPING));
                                push!(Value::from_bool(is));
                            }
                            op::MATCH_SEQUENCE => {
                                let is = (*sp.sub(1)).as_ref().is_some_and(|v| v.type_flag(flags::SEQUENCE));
                                push!(Value::from_bool(is));
                            }
                            op::MATCH_KEYS => {
                                save!();
                                let (subject, keys) = (peek!(2), peek!(1));
                                push!(tri!(match_::match_keys(vm, &subject, &keys)));
                                wakeup!();
                            }
                            op::MATCH_CLASS => {
                                save!();
                                let attributes = pop!();
                                let class = pop!();
                                let subject = pop!();
                                push!(tri!(match_::match_class(vm, &subject, &class, oparg as usize, &attributes)));
                                wakeup!();
                            }

                            // Imports.
                            op::IMPORT_NAME => {
                                save!();
                                let (name, func, locals) = (name!(oparg), (*frame).func.clone(), (*frame).locals.clone());
                                let fromlist = pop!();
                                let level = pop!();
                                push!(tri!(import_::import_name(vm, &func, locals.as_ref(), &name, fromlist, level)));
                                wakeup!();
                            }
                            op::IMPORT_FROM => {
                                save!();
                                let (name, module) = (name!(oparg), peek!(1));
                                push!(tri!(import_::import_from(vm, &module, &name)));
                            }

                            // Exceptions.
                            op::RAISE_VARARGS => {
                                save!();
                                let cause = if oparg == 2 { pop_slot!() } else { None };
                                let exception = if oparg >= 1 { pop_slot!() } else { None };
                                let (e, again) = exceptions::raise(vm, exception, cause);
                                traced = !again;
                                fail!(e)
                            }
                            op::RERAISE => {
                                let exception = pop_slot!();
                                if oparg > 0 {
                                    let lasti = unwind::lasti_of((*sp.sub(oparg as usize)).as_ref());
                                    match lasti.filter(|l| *l < (*frame).code.len()) {
                                        Some(lasti) => (*frame).ip = (*frame).code.start().add(lasti + 1),
                                        None => fail!(vm.system_error("lasti is not an int")),
                                    }
                                } else {
                                    save!();
                                }
                                traced = false;
                                break 'exec unwind::reraise_value(vm, exception);
                            }
                            op::PUSH_EXC_INFO => {
                                let new = pop_slot!();
                                let previous = match vm.eval.handled.last_mut() {
                                    Some(slot) => std::mem::replace(slot, new.clone()),
                                    None => None,
                                };
                                push!(previous.unwrap_or_else(Value::none));
                                push_slot!(new);
                            }
                            op::POP_EXCEPT => {
                                let value = pop_slot!().filter(|v| !v.is_none());
                                if let Some(slot) = vm.eval.handled.last_mut() {
                                    drop(std::mem::replace(slot, value));
                                }
                                wakeup!();
                            }
                            op::CHECK_EXC_MATCH => {
                                save!();
                                let target = pop!();
                                let exception = peek!(1);
                                push!(Value::from_bool(tri!(exceptions::exception_matches(vm, &exception, &target))));
                            }
                            op::CHECK_EG_MATCH => {
                                save!();
                                let target = pop!();
                                let exception = pop!();
                                let (rest, matched) = tri!(exceptions::group_match(vm, &exception, &target));
                                if !matched.is_none() {
                                    let new = matched.downcast::<BaseException>().map(Py::to_value);
                                    if let Some(slot) = vm.eval.handled.last_mut() {
                                        drop(std::mem::replace(slot, new));
                                    }
                                }
                                push!(rest);
                                push!(matched);
                                wakeup!();
                            }
                            op::WITH_EXCEPT_START => {
                                save!();
                                let exception = peek!(1);
                                let zelf = (*sp.sub(4)).clone();
                                let exit = peek!(5);
                                let class = exception.ty().to_value();
                                let tb = match exception.downcast::<BaseException>() {
                                    Some(e) => unwind::traceback_of(vm, e),
                                    None => Value::none(),
                                };
                                let args: Vec<Value> = zelf.into_iter().chain([class, exception, tb]).collect();
                                push!(tri!(vm.call(&exit, &args)));
                                wakeup!();
                            }
                            op::CLEANUP_THROW => {
                                save!();
                                let exception = pop_slot!();
                                let e = unwind::reraise_value(vm, exception);
                                match stop_value(vm, e) {
                                    Ok(value) => {
                                        drop((pop_slot!(), pop_slot!()));
                                        push!(Value::none());
                                        push!(value);
                                    }
                                    Err(e) => {
                                        traced = false;
                                        break 'exec e;
                                    }
                                }
                            }
                            op::END_ASYNC_FOR => {
                                save!();
                                let exception = pop_slot!();
                                let e = unwind::reraise_value(vm, exception);
                                if !vm.is_raised::<StopAsyncIteration>(&e) {
                                    traced = false;
                                    break 'exec e;
                                }
                                drop((e, pop_slot!()));
                                wakeup!();
                            }

                            // Delegation and awaiting.
                            op::GET_AWAITABLE => {
                                save!();
                                let value = pop!();
                                push!(tri!(ops::generator::get_awaitable(vm, &value, oparg)));
                            }
                            op::GET_YIELD_FROM_ITER => {
                                save!();
                                let value = pop!();
                                let code_flags = (*frame).code.flags;
                                push!(tri!(ops::generator::get_yield_from_iter(vm, value, code_flags)));
                            }
                            op::GET_AITER => {
                                save!();
                                let value = pop!();
                                push!(tri!(ops::generator::get_aiter(vm, &value)));
                            }
                            op::GET_ANEXT => {
                                save!();
                                let iterator = peek!(1);
                                push!(tri!(ops::generator::get_anext(vm, &iterator)));
                            }
                            op::SEND => {
                                save!();
                                let value = pop!();
                                let receiver = peek!(1);
                                if resumable(&receiver) {
                                    if let Some(gen_state) = state_of(&receiver) {
                                        enter_generator!(gen_state, value, 1 + oparg);
                                        break 'again;
                                    }
                                }
                                match tri!(ops::generator::send(vm, &receiver, &value)) {
                                    SendResult::Yield(v) => {
                                        push!(v);
                                        ip = ip.add(1);
                                    }
                                    SendResult::Return(v) => {
                                        push!(v);
                                        ip = ip.add(1 + oparg as usize);
                                    }
                                }
                                wakeup!();
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
                            op::BINARY_OP_SUBSCR_STR_INT => {
                                let (Some(a), Some(b)) = (&*sp.sub(2), &*sp.sub(1)) else { deopt!(BINARY_OP) };
                                match tri!(arith::char_at(vm, a, b)) {
                                    Some(v) => binary_result!(v),
                                    None => deopt!(BINARY_OP),
                                }
                            }
                            op::BINARY_OP_SUBSCR_DICT => {
                                let Some(dict) = (*sp.sub(2)).as_ref().and_then(|d| d.downcast_exact::<Dict>()) else { deopt!(BINARY_OP) };
                                save!();
                                let (dict, key) = (dict.clone(), pop!());
                                drop(pop_slot!());
                                let found = tri!(dict.get(vm, &key));
                                drop(dict);
                                match found {
                                    Some(v) => push!(v),
                                    None => fail!(vm.key_error(&key)),
                                }
                                drop(key);
                                wakeup!();
                                ip = ip.add(5);
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
                            op::LOAD_ATTR_WITH_HINT => {
                                let Some(header) = (*sp.sub(1)).as_ref().and_then(Value::header) else { deopt!(LOAD_ATTR) };
                                if specialize::attr::type_version(header) != read_u32(ip, 1) {
                                    deopt!(LOAD_ATTR)
                                }
                                let name = (*frame).code.names.items().as_ptr().add(oparg as usize >> 1);
                                let Some(value) = hinted(vm, header, &*name, read_u32(ip, 3) as usize) else { deopt!(LOAD_ATTR) };
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
                                bind_method(base);
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
                            op::CALL_ALLOC_AND_ENTER_INIT => {
                                let count = oparg as usize;
                                let base = sp.sub(count + 2);
                                let Some(class) = (*base).as_ref().and_then(|c| c.downcast_exact::<PyType>()) else { deopt!(CALL) };
                                if class.version.get() != read_u32(ip, 1) || (*base.add(1)).is_some() {
                                    deopt!(CALL)
                                }
                                let init: Py<Function> = Py::from_value_unchecked(borrowed(class.init_cache.get()));
                                if init.func_argcount(vm) != count + 1 || init.version.get() == 0 {
                                    deopt!(CALL)
                                }
                                breaker!();
                                let class = class.clone();
                                let object = tri!(specialize::call::alloc(vm, &class));
                                drop(class);
                                *base.add(1) = Some(object.clone());
                                let new = tri!(crate::eval::call::exact_frame(vm, init, base.add(1), count + 1));
                                (*new).is_init = true;
                                // The object stays on this frame's stack until `__init__` has returned.
                                *base = Some(object);
                                sp = base.add(1);
                                enter_frame!(new, 3);
                            }
                            op::CALL_LEN => {
                                let base = sp.sub(oparg as usize + 2);
                                let known = (*base).as_ref().and_then(|c| c.downcast_exact::<BuiltinFunction>()).is_some_and(|f| std::ptr::from_ref(f.def) as usize == vm.interp.len_def.get());
                                if !known || oparg != 1 || (*base.add(1)).is_some() {
                                    deopt!(CALL)
                                }
                                save!();
                                let object = pop!();
                                let len = tri!(vm.len(&object));
                                let value = tri!(vm.new_int(len));
                                sp = sp.sub(1);
                                drop(object);
                                *base = Some(value);
                                wakeup!();
                                ip = ip.add(3);
                            }
                            op::CALL_ISINSTANCE => {
                                let base = sp.sub(oparg as usize + 2);
                                let known = (*base).as_ref().and_then(|c| c.downcast_exact::<BuiltinFunction>()).is_some_and(|f| std::ptr::from_ref(f.def) as usize == vm.interp.isinstance_def.get());
                                if !known || oparg != 2 || (*base.add(1)).is_some() {
                                    deopt!(CALL)
                                }
                                save!();
                                let class = pop!();
                                let object = pop!();
                                let is = tri!(vm.isinstance(&object, &class));
                                sp = sp.sub(1);
                                drop((object, class));
                                *base = Some(Value::from_bool(is));
                                wakeup!();
                                ip = ip.add(3);
                            }
                            op::CALL_TYPE_1 => {
                                let base = sp.sub(oparg as usize + 2);
                                if oparg != 1 || !(*base).as_ref().is_some_and(|c| c.is_same(PyType::type_object(vm).as_value())) || (*base.add(1)).is_some() {
                                    deopt!(CALL)
                                }
                                let object = pop!();
                                sp = sp.sub(1);
                                *base = Some(object.ty().to_value());
                                drop(object);
                                wakeup!();
                                ip = ip.add(3);
                            }
                            op::CALL_STR_1 => {
                                let base = sp.sub(oparg as usize + 2);
                                if oparg != 1 || !(*base).as_ref().is_some_and(|c| c.is_same(Str::type_object(vm).as_value())) || (*base.add(1)).is_some() {
                                    deopt!(CALL)
                                }
                                save!();
                                let object = pop!();
                                let text = tri!(vm.str(&object)).into_value();
                                sp = sp.sub(1);
                                drop(object);
                                *base = Some(text);
                                wakeup!();
                                ip = ip.add(3);
                            }
                            op::CALL_LIST_APPEND => {
                                let base = sp.sub(oparg as usize + 2);
                                let known = (*base).as_ref().and_then(|c| c.downcast_exact::<MethodDescr>()).is_some_and(|d| d.def.name == "append" && d.owner.is(List::type_object(vm)));
                                let Some(list) = (*base.add(1)).as_ref().and_then(|l| l.downcast_exact::<List>()).filter(|_| known && oparg == 1) else { deopt!(CALL) };
                                let item = pop!();
                                list.items_mut(vm).push(item);
                                drop(pop_slot!());
                                *base = Some(Value::none());
                                wakeup!();
                                ip = ip.add(3);
                            }
                            op::CALL_BUILTIN_FAST => {
                                let count = oparg as usize;
                                let base = sp.sub(count + 2);
                                let Some(function) = (*base).as_ref().and_then(|c| c.downcast_exact::<BuiltinFunction>()) else { deopt!(CALL) };
                                let has_self = usize::from((*base.add(1)).is_some());
                                let given = count + has_self;
                                let spec = function.def.spec;
                                if !spec.raw && (given < spec.required || given > spec.positional) {
                                    deopt!(CALL)
                                }
                                save!();
                                tri!(vm.check_stack(" while calling a Python object"));
                                let result = (function.def.func)(vm, &function.zelf, Args::new(calls::values(base.add(2 - has_self), given)));
                                calls::drop_slots(base, count + 2);
                                sp = base;
                                push!(tri!(result));
                                wakeup!();
                                ip = ip.add(3);
                            }
                            op::CALL_METHOD_DESCRIPTOR_FAST => {
                                let count = oparg as usize;
                                let base = sp.sub(count + 2);
                                let Some(method) = (*base).as_ref().and_then(|c| c.downcast_exact::<MethodDescr>()) else { deopt!(CALL) };
                                let Some(zelf) = &*base.add(1) else { deopt!(CALL) };
                                let spec = method.def.spec;
                                if !zelf.ty().is(&method.owner) || (!spec.raw && (count < spec.required || count > spec.positional)) {
                                    deopt!(CALL)
                                }
                                save!();
                                tri!(vm.check_stack(" while calling a Python object"));
                                let result = (method.def.func)(vm, zelf, Args::new(calls::values(base.add(2), count)));
                                calls::drop_slots(base, count + 2);
                                sp = base;
                                push!(tri!(result));
                                wakeup!();
                                ip = ip.add(3);
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
                            op::FOR_ITER_GEN => {
                                let iterator = (*sp.sub(1)).as_ref().filter(|i| i.is_exact::<Generator>());
                                let Some(gen_state) = iterator.and_then(state_of).filter(|s| s.state.get() < state::EXECUTING) else { deopt!(FOR_ITER) };
                                enter_generator!(gen_state, Value::none(), 1 + oparg);
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
                            op::UNPACK_SEQUENCE_TUPLE => {
                                let known = (*sp.sub(1)).as_ref().and_then(|t| t.downcast_exact::<Tuple>()).filter(|t| t.len() == oparg as usize).cloned();
                                let Some(t) = known else { deopt!(UNPACK_SEQUENCE) };
                                drop(pop_slot!());
                                for item in t.items().iter().rev() {
                                    push!(item.clone());
                                }
                                drop(t);
                                wakeup!();
                                ip = ip.add(1);
                            }
                            op::UNPACK_SEQUENCE_LIST => {
                                let known = (*sp.sub(1)).as_ref().and_then(|t| t.downcast_exact::<List>()).filter(|l| l.items(vm).len() == oparg as usize).cloned();
                                let Some(l) = known else { deopt!(UNPACK_SEQUENCE) };
                                drop(pop_slot!());
                                for item in l.items(vm).iter().rev() {
                                    push!(item.clone());
                                }
                                drop(l);
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
                            op::STORE_SUBSCR_DICT => {
                                if !(*sp.sub(2)).as_ref().is_some_and(|d| d.is_exact::<Dict>()) {
                                    deopt!(STORE_SUBSCR)
                                }
                                save!();
                                let key = pop!();
                                let dict = pop!();
                                let value = pop!();
                                if let Some(dict) = dict.downcast_exact::<Dict>() {
                                    tri!(dict.set(vm, &key, value));
                                }
                                drop((key, dict));
                                wakeup!();
                                ip = ip.add(1);
                            }
                            other => fail!(bad_opcode(vm, other)),
                        }
                        break 'again;
                    }
                }
            };

            // An exception leaves the instruction in front of `ip`; the frame's own `ip` says which one it counts as.
            let mut raised = raised;
            loop {
                if traced {
                    unwind::add_traceback(vm, frame, &raised);
                }
                traced = true;
                match unwind::find_handler(vm, frame, ip, sp, raised) {
                    Ok((to, top)) => {
                        ip = to;
                        sp = top;
                        if vm.interp.heap.wakeup.get() {
                            // The handler's exception is on the stack; nothing is lost by running others now.
                            vm.run_wakeup();
                        }
                        continue 'frames;
                    }
                    Err(e) => raised = e,
                }
                (*frame).sp = sp;
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

/// UnboundLocalError of variable `index`.
#[cold]
fn unbound_fast(vm: &mut Vm, code: &Py<crate::types::code::CodeObject>, index: usize) -> Raised {
    let name: Py<Str> = match code.local_name(index) {
        Some(n) => n.clone(),
        None => n!(empty).clone(),
    };
    names::unbound_local(vm, &name)
}

#[cold]
fn init_returned(vm: &mut Vm, value: &Value) -> Raised {
    let got = value.type_name();
    vm.type_error(format!("__init__() should return None, not '{got}'"))
}

/// COMPARE_OP.
#[inline]
fn compare(vm: &mut Vm, a: &Value, b: &Value, oparg: u32) -> PyResult {
    let which = match oparg >> 5 {
        0 => CompareOp::Lt,
        1 => CompareOp::Le,
        2 => CompareOp::Eq,
        3 => CompareOp::Ne,
        4 => CompareOp::Gt,
        _ => CompareOp::Ge,
    };
    let result = vm.rich_compare(a, b, which)?;
    if oparg & 16 != 0 {
        let truth = vm.is_true(&result)?;
        return Ok(Value::from_bool(truth));
    }
    Ok(result)
}

/// Replaces a bound method that is to be called by its function and object.
///
/// # Safety
/// `base` points at the callable's slot, with the one for the object behind it.
#[inline(always)]
unsafe fn bind_method(base: *mut Slot) {
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

/// The frame for `func(*args, **kwargs)`.
fn frame_for_ex(vm: &mut Vm, func: Py<Function>, args: &Py<Tuple>, kwargs: Option<&Py<Dict>>) -> PyResult<*mut Frame> {
    let mut values: Vec<Slot> = args.items().iter().cloned().map(Some).collect();
    let mut kwnames = Vec::new();
    if let Some(kwargs) = kwargs {
        for (key, value) in kwargs.to_vec(vm) {
            kwnames.push(key);
            values.push(Some(value));
        }
    }
    // SAFETY: the vector holds a value for each argument, and each may be moved out.
    unsafe { make_frame(vm, func, values.as_mut_ptr(), args.len(), &kwnames) }
}

/// A new reference to the value whose word a cache holds.
///
/// # Safety
/// The word is of a value that is alive, for which the guards vouch.
#[inline(always)]
unsafe fn borrowed(bits: u64) -> Value {
    // SAFETY: the caller's promise; the cache's own word stays uncounted.
    unsafe { (*std::ptr::from_ref(&bits).cast::<Value>()).clone() }
}

/// The attribute of an object whose `__dict__` holds it, as it did when the instruction was specialised, at `place`.
#[inline(always)]
fn hinted(vm: &Vm, header: &krait_heap::Header, name: &Value, place: usize) -> Option<Value> {
    if header.has_flag(ObjectFlags::INLINE_VALUES) {
        return None;
    }
    let dict = crate::types::instance::dict_word(vm, header)?;
    let (key, value) = dict.entry_at(vm, place)?;
    key.is_same(name).then(|| value.clone())
}
