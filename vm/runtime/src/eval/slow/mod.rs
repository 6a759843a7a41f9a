//! The instructions that need not be quick, and the general forms of those that are specialised: one function, so that the dispatch loop stays
//! small enough for its locals to be in registers.
//!
//! The frame's `ip` and `sp` come in exact and go out exact: behind the instruction, or as they were when it failed.
#![allow(unsafe_code, reason = "the value stack is raw memory")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]
#![allow(clippy::cognitive_complexity, reason = "one arm for each opcode")]

use crate::eval::call::{enter, make_frame};
use crate::eval::frame::{Frame, Slot};
use crate::eval::ops::{self, attr, build, call as calls, exceptions, import_, intrinsic, match_, names};
use crate::eval::dispatch::op;
use crate::eval::fast::bind_method;
use crate::eval::specialize::{self, Site, arith, data};
use crate::eval::instrument::{self, event};
use crate::eval::{bridges, unwind};
use crate::types::class::flags;
use crate::types::dict::Dict;
use crate::types::exceptions::{BaseException, StopAsyncIteration, StopIteration};
use crate::types::generator::{self, Coroutine, Generator, state, state_of, stop_value};
use crate::types::list::List;
use crate::types::pyfunction::Function;
use crate::types::slots::{CompareOp, SendResult};
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyClass, PyResult, Raised, Value, Vm};
use krait_bytecode::opcode::{BinaryOp, MIN_INSTRUMENTED_OPCODE};
use std::sync::atomic::Ordering;

/// Set in an opcode that a specialised form could not handle.
pub(super) const MISS: u16 = 0x100;

/// What the dispatch loop does next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Goes on at the frame's `ip`.
    Continue,
    /// Looks at the same instruction anew: it has changed.
    Again,
    /// Enters the frame in `entering`.
    Frame,
    /// Enters the generator's frame in `entering`, which is linked in already.
    Generator,
    /// Does the instruction of the opcode in `base_opcode` here.
    Base,
    /// Raises what is in `raised`.
    Error,
    /// The same where the frame's `ip` is.
    ErrorHere,
    /// The same without a traceback entry.
    Untraced,
}

/// Whether the class of `value` is a coroutine or generator that can be run without leaving the loop.
#[inline(always)]
fn resumable(value: &Value) -> bool {
    (value.is_exact::<Generator>() || value.is_exact::<Coroutine>())
        && state_of(value).is_some_and(|s| matches!(s.state.get(), state::SUSPENDED | state::SUSPENDED_YIELD_FROM))
}

#[cold]
fn bad_opcode(vm: &mut Vm, number: u16) -> Raised {
    vm.system_error(format!("unknown opcode {number}"))
}

/// Does one instruction.
///
/// # Safety
/// `frame` runs and is at an instruction with this opcode and operand.
#[inline(never)]
pub(super) unsafe fn slow(vm: &mut Vm, frame: *mut Frame, opcode: u16, oparg: u32) -> Next {
    // SAFETY: as for the dispatch loop.
    unsafe {
        let mut ip: *const u16 = (*frame).ip;
        let mut sp: *mut Slot = (*frame).sp;
        let slots: *mut Slot = Frame::slots(frame);
        let mut opcode = opcode;
        if opcode & MISS != 0 {
            opcode &= !MISS;
            let counter = *ip;
            if counter == 0 {
                *ip.sub(1).cast_mut() = *ip.sub(1) & 0xff00 | opcode;
            } else {
                *ip.cast_mut() = counter - 1;
            }
        }

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
        macro_rules! name {
            ($i:expr) => {
                match (*frame).code.name_at($i as usize) {
                    Some(n) => n.clone(),
                    None => n!(empty).clone(),
                }
            };
        }
        macro_rules! fail {
            ($e:expr) => {{
                let e: Raised = $e;
                vm.eval.raised = Some(e);
                (*frame).sp = sp;
                return Next::Error;
            }};
        }
        macro_rules! fail_untraced {
            ($e:expr) => {{
                let e: Raised = $e;
                vm.eval.raised = Some(e);
                (*frame).sp = sp;
                return Next::Untraced;
            }};
        }
        macro_rules! tri {
            ($e:expr) => {
                match $e {
                    Ok(v) => v,
                    Err(e) => fail!(e),
                }
            };
        }
        macro_rules! breaker {
            () => {
                if vm.interp.eval_breaker.load(Ordering::Relaxed) != 0 {
                    tri!(vm.handle_breaker());
                }
            };
        }
        macro_rules! enter_frame {
            ($new:expr, $offset:expr) => {{
                vm.eval.entering = $new;
                (*frame).sp = sp;
                (*frame).return_offset = $offset;
                return Next::Frame;
            }};
        }
        macro_rules! enter_generator {
            ($state:expr, $value:expr, $offset:expr) => {{
                (*frame).sp = sp;
                (*frame).return_offset = $offset;
                if let Err(e) = enter(vm) {
                    fail!(e)
                }
                let new = generator::resume_frame(vm, $state, $value);
                (*new).is_entry = false;
                vm.eval.entering = new;
                return Next::Generator;
            }};
        }
        // Tries to specialise when the counter is at zero, and looks at the instruction anew.
        macro_rules! adapt {
            ($call:expr) => {{
                let counter = *ip;
                if counter == 0 {
                    $call;
                    return Next::Again;
                }
                *ip.cast_mut() = counter - 1;
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

        'again: loop {
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

            match opcode {
                op::LOAD_FAST_CHECK => match &*slots.add(oparg as usize) {
                    Some(v) => push!(v.clone()),
                    None => {
                        let code = (*frame).code.clone();
                        fail!(unbound_fast(vm, &code, oparg as usize))
                    }
                },
                op::DELETE_FAST => {
                    if (*slots.add(oparg as usize)).take().is_none() {
                        let code = (*frame).code.clone();
                        fail!(unbound_fast(vm, &code, oparg as usize))
                    }
                }
                op::LOAD_COMMON_CONSTANT => {
                    push!(tri!(names::load_common_constant(vm, oparg)))
                }
                // Operators.
                op::BINARY_OP => {
                    adapt!(arith::binary_op(vm, site!(), (*sp.sub(2)).as_ref(), (*sp.sub(1)).as_ref(), oparg));
                    let b = pop!();
                    let a = pop!();
                    let result = match BinaryOp::from_oparg(oparg) {
                        Some(which) => vm.binary_op(which, &a, &b),
                        None => Err(vm.system_error("bad operand of BINARY_OP")),
                    };
                    drop((a, b));
                    push!(tri!(result));
                    ip = ip.add(5);
                }
                op::UNARY_NEGATIVE => {
                    let a = pop!();
                    push!(tri!(vm.negative(&a)));
                }
                op::UNARY_INVERT => {
                    let a = pop!();
                    push!(tri!(vm.invert(&a)));
                }
                op::TO_BOOL => {
                    adapt!(arith::to_bool(vm, site!(), (*sp.sub(1)).as_ref()));
                    let a = pop!();
                    let truth = tri!(vm.is_true(&a));
                    drop(a);
                    push!(Value::from_bool(truth));
                    ip = ip.add(3);
                }
                op::COMPARE_OP => {
                    adapt!(arith::compare_op(site!(), (*sp.sub(2)).as_ref(), (*sp.sub(1)).as_ref(), oparg));
                    let b = pop!();
                    let a = pop!();
                    let result = compare(vm, &a, &b, oparg);
                    drop((a, b));
                    push!(tri!(result));
                    ip = ip.add(1);
                }
                op::CONTAINS_OP => {
                    adapt!(data::contains_op(site!(), (*sp.sub(1)).as_ref()));
                    let container = pop!();
                    let item = pop!();
                    let found = tri!(vm.contains(&container, &item));
                    drop((container, item));
                    push!(Value::from_bool(found != (oparg & 1 != 0)));
                    ip = ip.add(1);
                }
                op::BINARY_SLICE => {
                    let stop = pop!();
                    let start = pop!();
                    let container = pop!();
                    push!(tri!(build::binary_slice(vm, &container, start, stop)));
                }
                op::STORE_SLICE => {
                    let stop = pop!();
                    let start = pop!();
                    let container = pop!();
                    let value = pop!();
                    tri!(build::store_slice(vm, &container, start, stop, &value));
                    drop((container, value));
                }
                op::STORE_SUBSCR => {
                    adapt!(data::store_subscr(site!(), (*sp.sub(2)).as_ref(), (*sp.sub(1)).as_ref()));
                    let key = pop!();
                    let container = pop!();
                    let value = pop!();
                    tri!(vm.setitem(&container, &key, &value));
                    drop((key, container, value));
                    ip = ip.add(1);
                }
                op::DELETE_SUBSCR => {
                    let key = pop!();
                    let container = pop!();
                    tri!(vm.delitem(&container, &key));
                    drop((key, container));
                }
                // Names.
                op::LOAD_GLOBAL => {
                    adapt!({
                        let (name, func) = (name!(oparg >> 1), (*frame).func.clone());
                        specialize::attr::load_global(vm, site!(), &func, &name)
                    });
                    let name = name!(oparg >> 1);
                    let func = (*frame).func.clone();
                    push!(tri!(names::load_global(vm, &func, &name)));
                    if oparg & 1 != 0 {
                        push_slot!(None);
                    }
                    ip = ip.add(4);
                }
                op::LOAD_NAME => {
                    let (name, func, locals) = (name!(oparg), (*frame).func.clone(), (*frame).locals.clone());
                    push!(tri!(names::load_name(vm, locals.as_ref(), &func, &name)));
                }
                op::STORE_NAME => {
                    let (name, locals, value) = (name!(oparg), (*frame).locals.clone(), pop!());
                    tri!(names::store_name(vm, locals.as_ref(), &name, value));
                }
                op::DELETE_NAME => {
                    let (name, locals) = (name!(oparg), (*frame).locals.clone());
                    tri!(names::delete_name(vm, locals.as_ref(), &name));
                }
                op::STORE_GLOBAL => {
                    let (name, func, value) = (name!(oparg), (*frame).func.clone(), pop!());
                    tri!(func.globals.set_str(vm, &name, value));
                }
                op::DELETE_GLOBAL => {
                    let (name, func) = (name!(oparg), (*frame).func.clone());
                    tri!(names::delete_global(vm, &func.globals, &name));
                }
                op::LOAD_LOCALS => match (*frame).locals.clone() {
                    Some(locals) => push!(locals),
                    None => fail!(vm.system_error("no locals")),
                },
                op::LOAD_FROM_DICT_OR_GLOBALS => {
                    let (mapping, name, func) = (pop!(), name!(oparg), (*frame).func.clone());
                    push!(tri!(names::load_from_dict_or_globals(vm, &mapping, &func, &name)));
                }
                op::LOAD_FROM_DICT_OR_DEREF => {
                    let (mapping, code, cell) = (pop!(), (*frame).code.clone(), (*slots.add(oparg as usize)).clone());
                    push!(tri!(names::load_from_dict_or_deref(vm, &mapping, &code, cell.as_ref(), oparg as usize)));
                }
                op::LOAD_DEREF => {
                    let code = &(*frame).code;
                    push!(tri!(names::load_deref(vm, code, (*slots.add(oparg as usize)).as_ref(), oparg as usize)));
                }
                op::STORE_DEREF => {
                    let value = pop_slot!();
                    let old = tri!(names::store_deref(vm, (*slots.add(oparg as usize)).as_ref(), value));
                    drop(old);
                }
                op::DELETE_DEREF => {
                    let old = tri!(names::store_deref(vm, (*slots.add(oparg as usize)).as_ref(), None));
                    if old.is_none() {
                        let code = (*frame).code.clone();
                        fail!(names::unbound_error(vm, &code, oparg as usize))
                    }
                    drop(old);
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
                    ip = ip.add(9);
                }
                op::STORE_ATTR => {
                    adapt!({
                        let name = name!(oparg);
                        specialize::attr::store_attr(vm, site!(), (*sp.sub(1)).as_ref(), &name)
                    });
                    let name = name!(oparg);
                    let object = pop!();
                    let value = pop!();
                    tri!(vm.setattr(&object, &name, &value));
                    drop((object, value));
                    ip = ip.add(4);
                }
                op::DELETE_ATTR => {
                    let (name, object) = (name!(oparg), pop!());
                    tri!(vm.delattr(&object, &name));
                    drop(object);
                }
                op::LOAD_SUPER_ATTR => {
                    let name = name!(oparg >> 2);
                    let zelf = pop!();
                    let class = pop!();
                    let global_super = pop!();
                    let (value, object) = tri!(attr::load_super_attr(vm, &global_super, &class, &zelf, &name, oparg));
                    push!(value);
                    if oparg & 1 != 0 {
                        push_slot!(object);
                    }
                    ip = ip.add(1);
                }
                op::LOAD_SPECIAL => {
                    let owner = pop!();
                    let (method, zelf) = tri!(attr::load_special(vm, &owner, oparg));
                    push!(method);
                    push_slot!(zelf);
                }
                // Making things.
                op::BUILD_TUPLE => {
                    sp = sp.sub(oparg as usize);
                    push!(tri!(vm.new_tuple(calls::drain(sp, oparg as usize))).into_value());
                }
                op::BUILD_LIST => {
                    sp = sp.sub(oparg as usize);
                    let items = calls::take(sp, oparg as usize);
                    push!(tri!(vm.new_list(items)).into_value());
                }
                op::BUILD_SET => {
                    sp = sp.sub(oparg as usize);
                    let items = calls::take(sp, oparg as usize);
                    push!(tri!(bridges::set(vm, items)));
                }
                op::BUILD_MAP => {
                    sp = sp.sub(2 * oparg as usize);
                    let items = calls::take(sp, 2 * oparg as usize);
                    push!(tri!(build::build_map(vm, &items)));
                }
                op::BUILD_SLICE => {
                    sp = sp.sub(oparg as usize);
                    let items = calls::take(sp, oparg as usize);
                    push!(tri!(bridges::slice(vm, items)));
                }
                op::BUILD_STRING => {
                    sp = sp.sub(oparg as usize);
                    let items = calls::take(sp, oparg as usize);
                    push!(tri!(build::build_string(vm, &items)));
                }
                op::BUILD_INTERPOLATION => {
                    let spec = if oparg & 1 != 0 { pop_slot!() } else { None };
                    let expression = pop!();
                    let value = pop!();
                    push!(tri!(bridges::interpolation(vm, value, expression, oparg >> 2, spec)));
                }
                op::BUILD_TEMPLATE => {
                    let interpolations = pop!();
                    let strings = pop!();
                    push!(tri!(bridges::template(vm, strings, interpolations)));
                }
                op::LIST_APPEND => {
                    let item = pop!();
                    let list = peek!(oparg as usize);
                    tri!(build::list_append(vm, &list, item));
                }
                op::LIST_EXTEND => {
                    let iterable = pop!();
                    let list = peek!(oparg as usize);
                    tri!(build::list_extend(vm, &list, &iterable));
                    drop(iterable);
                }
                op::SET_ADD => {
                    let item = pop!();
                    let set = peek!(oparg as usize);
                    tri!(bridges::set_add(vm, &set, item));
                }
                op::SET_UPDATE => {
                    let iterable = pop!();
                    let set = peek!(oparg as usize);
                    tri!(build::set_update(vm, &set, &iterable));
                }
                op::MAP_ADD => {
                    let value = pop!();
                    let key = pop!();
                    let dict = peek!(oparg as usize);
                    tri!(build::map_add(vm, &dict, &key, value));
                    drop(key);
                }
                op::DICT_UPDATE => {
                    let update = pop!();
                    let dict = peek!(oparg as usize);
                    tri!(build::dict_update(vm, &dict, &update));
                    drop(update);
                }
                op::DICT_MERGE => {
                    let update = pop!();
                    let dict = peek!(oparg as usize);
                    let callable = peek!(oparg as usize + 3);
                    tri!(build::dict_merge(vm, &callable, &dict, &update));
                    drop(update);
                }
                op::CONVERT_VALUE => {
                    let value = pop!();
                    push!(tri!(build::convert_value(vm, &value, oparg)));
                }
                op::FORMAT_SIMPLE => {
                    let value = pop!();
                    push!(tri!(build::format(vm, value, None)));
                }
                op::FORMAT_WITH_SPEC => {
                    let spec = pop!();
                    let value = pop!();
                    push!(tri!(build::format(vm, value, Some(&spec))));
                }
                op::UNPACK_SEQUENCE => {
                    adapt!(data::unpack_sequence(site!(), (*sp.sub(1)).as_ref(), oparg));
                    let value = pop!();
                    let items = tri!(build::unpack(vm, &value, oparg as usize, None));
                    drop(value);
                    for item in items.into_iter().rev() {
                        push!(item);
                    }
                    ip = ip.add(1);
                }
                op::UNPACK_EX => {
                    let value = pop!();
                    let items = tri!(build::unpack(vm, &value, oparg as usize & 0xff, Some(oparg as usize >> 8)));
                    drop(value);
                    for item in items.into_iter().rev() {
                        push!(item);
                    }
                }
                // Calls.
                op::CALL => {
                    let mut count = oparg as usize;
                    let mut first = sp.sub(count);
                    let base = sp.sub(count + 2);
                    bind_method(base);
                    adapt!(specialize::call::call(vm, site!(), (*base).as_ref(), (*base.add(1)).as_ref(), count));
                    breaker!();
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
                    }
                    let callable = (*base).take().unwrap_or_else(Value::none);
                    let result = vm.call_args(&callable, Args::new(calls::values(first, count)));
                    calls::drop_slots(base, sp.offset_from(base) as usize);
                    sp = base;
                    drop(callable);
                    push!(tri!(result));
                    ip = ip.add(3);
                }
                op::CALL_KW => {
                    breaker!();
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
                    }
                    let callable = (*base).take().unwrap_or_else(Value::none);
                    let result = vm.call_args(&callable, Args::with_keywords(calls::values(first, count), kwnames.items()));
                    calls::drop_slots(base, sp.offset_from(base) as usize);
                    sp = base;
                    drop(callable);
                    push!(tri!(result));
                    ip = ip.add(3);
                }
                op::CALL_FUNCTION_EX => {
                    breaker!();
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
                    }
                    let result = vm.call_tuple_dict(&callable, &args, kwargs.as_ref());
                    drop((args, kwargs, callable));
                    push!(tri!(result));
                }
                op::MAKE_FUNCTION => {
                    let code = pop!();
                    let Some(code) = code.downcast_exact::<crate::types::code::CodeObject>() else {
                        fail!(vm.system_error("MAKE_FUNCTION without code"))
                    };
                    let func = &(*frame).func;
                    let function = tri!(vm.new_function(code, &func.globals));
                    push!(function.into_value());
                }
                op::SET_FUNCTION_ATTRIBUTE => {
                    let function = pop!();
                    let attribute = pop!();
                    tri!(calls::set_function_attribute(vm, &function, attribute, oparg));
                    push!(function);
                }
                op::LOAD_BUILD_CLASS => {
                    let func = (*frame).func.clone();
                    push!(tri!(names::load_build_class(vm, &func)));
                }
                op::SETUP_ANNOTATIONS => {
                    let locals = (*frame).locals.clone();
                    tri!(names::setup_annotations(vm, locals.as_ref()));
                }
                op::CALL_INTRINSIC_1 => {
                    let value = pop!();
                    let (func, locals) = ((*frame).func.clone(), (*frame).locals.clone());
                    let cx = intrinsic::Context { func: &func, locals: locals.as_ref(), code_flags: (*frame).code.flags };
                    push!(tri!(intrinsic::intrinsic_1(vm, oparg, value, &cx)));
                }
                op::CALL_INTRINSIC_2 => {
                    let b = pop!();
                    let a = pop!();
                    push!(tri!(intrinsic::intrinsic_2(vm, oparg, a, b)));
                }
                op::INTERPRETER_EXIT => fail!(vm.system_error("INTERPRETER_EXIT in a code object")),
                // Iteration.
                op::GET_ITER => {
                    let value = pop!();
                    let iterator = tri!(vm.iter(&value));
                    drop(value);
                    push!(iterator);
                }
                op::FOR_ITER => {
                    adapt!(data::for_iter(site!(), (*sp.sub(1)).as_ref()));
                    let iterator = &*sp.sub(1);
                    let next = match iterator {
                        Some(it) if vm.interp.monitoring.tools(event::RAISE) != 0 => {
                            let it = it.clone();
                            instrument::next_item(vm, frame, &it)
                        }
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
                        Err(e) => fail!(e),
                    }
                }
                op::GET_LEN => {
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
                    let (subject, keys) = (peek!(2), peek!(1));
                    push!(tri!(match_::match_keys(vm, &subject, &keys)));
                }
                op::MATCH_CLASS => {
                    let attributes = pop!();
                    let class = pop!();
                    let subject = pop!();
                    push!(tri!(match_::match_class(vm, &subject, &class, oparg as usize, &attributes)));
                }
                // Imports.
                op::IMPORT_NAME => {
                    let (name, func, locals) = (name!(oparg), (*frame).func.clone(), (*frame).locals.clone());
                    let fromlist = pop!();
                    let level = pop!();
                    push!(tri!(import_::import_name(vm, &func, locals.as_ref(), &name, fromlist, level)));
                }
                op::IMPORT_FROM => {
                    let (name, module) = (name!(oparg), peek!(1));
                    push!(tri!(import_::import_from(vm, &module, &name)));
                }
                // Exceptions.
                op::RAISE_VARARGS => {
                    let cause = if oparg == 2 { pop_slot!() } else { None };
                    let exception = if oparg >= 1 { pop_slot!() } else { None };
                    let (e, again) = exceptions::raise(vm, exception, cause);
                    if again {
                        fail_untraced!(e)
                    }
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
                    }
                    fail_untraced!(unwind::reraise_value(vm, exception))
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
                }
                op::CHECK_EXC_MATCH => {
                    let target = pop!();
                    let exception = peek!(1);
                    push!(Value::from_bool(tri!(exceptions::exception_matches(vm, &exception, &target))));
                }
                op::CHECK_EG_MATCH => {
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
                }
                op::WITH_EXCEPT_START => {
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
                }
                op::CLEANUP_THROW => {
                    let exception = pop_slot!();
                    let e = unwind::reraise_value(vm, exception);
                    match stop_value(vm, e) {
                        Ok(value) => {
                            drop((pop_slot!(), pop_slot!()));
                            push!(Value::none());
                            push!(value);
                        }
                        Err(e) => {
                            fail_untraced!(e)
                        }
                    }
                }
                op::END_ASYNC_FOR => {
                    let exception = pop_slot!();
                    let e = unwind::reraise_value(vm, exception);
                    if !vm.is_raised::<StopAsyncIteration>(&e) {
                        fail_untraced!(e)
                    }
                    drop((e, pop_slot!()));
                }
                // Delegation and awaiting.
                op::GET_AWAITABLE => {
                    let value = pop!();
                    push!(tri!(ops::generator::get_awaitable(vm, &value, oparg)));
                }
                op::GET_YIELD_FROM_ITER => {
                    let value = pop!();
                    let code_flags = (*frame).code.flags;
                    push!(tri!(ops::generator::get_yield_from_iter(vm, value, code_flags)));
                }
                op::GET_AITER => {
                    let value = pop!();
                    push!(tri!(ops::generator::get_aiter(vm, &value)));
                }
                op::GET_ANEXT => {
                    let iterator = peek!(1);
                    push!(tri!(ops::generator::get_anext(vm, &iterator)));
                }
                op::SEND => {
                    adapt!(data::send(site!(), (*sp.sub(2)).as_ref()));
                    let value = pop!();
                    let receiver = peek!(1);
                    if resumable(&receiver) {
                        if let Some(gen_state) = state_of(&receiver) {
                            enter_generator!(gen_state, value, 1 + oparg);
                        }
                    }
                    let sent = if vm.interp.monitoring.tools(event::RAISE) != 0 {
                        instrument::send_item(vm, frame, &receiver, &value)
                    } else {
                        ops::generator::send(vm, &receiver, &value)
                    };
                    match tri!(sent) {
                        SendResult::Yield(v) => {
                            push!(v);
                            ip = ip.add(1);
                        }
                        SendResult::Return(v) => {
                            push!(v);
                            ip = ip.add(1 + oparg as usize);
                        }
                    }
                }
                op::BINARY_OP_SUBSCR_STR_INT => {
                    let (Some(a), Some(b)) = (&*sp.sub(2), &*sp.sub(1)) else { deopt!(BINARY_OP) };
                    match tri!(arith::char_at(vm, a, b)) {
                        Some(v) => binary_result!(v),
                        None => deopt!(BINARY_OP),
                    }
                }
                op::CALL_STR_1 => {
                    let base = sp.sub(oparg as usize + 2);
                    if oparg != 1 || !(*base).as_ref().is_some_and(|c| c.is_same(Str::type_object(vm).as_value())) || (*base.add(1)).is_some() {
                        deopt!(CALL)
                    }
                    let object = pop!();
                    let text = tri!(vm.str(&object)).into_value();
                    sp = sp.sub(1);
                    drop(object);
                    *base = Some(text);
                    ip = ip.add(3);
                }
                op::UNPACK_SEQUENCE_LIST => {
                    let known = (*sp.sub(1)).as_ref().and_then(|t| t.downcast_exact::<List>()).filter(|l| l.items(vm).len() == oparg as usize).cloned();
                    let Some(l) = known else { deopt!(UNPACK_SEQUENCE) };
                    drop(pop_slot!());
                    for item in l.items(vm).iter().rev() {
                        push!(item.clone());
                    }
                    drop(l);
                    ip = ip.add(1);
                }
                MIN_INSTRUMENTED_OPCODE.. => return instrument::run(vm, frame, opcode, oparg),
                other => fail!(bad_opcode(vm, other)),
            }
            break 'again;
        }
        (*frame).ip = ip;
        (*frame).sp = sp;
        Next::Continue
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

/// COMPARE_OP.
#[inline]
pub(super) fn compare(vm: &mut Vm, a: &Value, b: &Value, oparg: u32) -> PyResult {
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

/// The frame for `func(*args, **kwargs)`.
fn frame_for_ex(vm: &mut Vm, func: Py<Function>, args: &Py<Tuple>, kwargs: Option<&Py<Dict>>) -> PyResult<*mut Frame> {
    let mut values: Vec<Slot> = args.items().iter().cloned().map(Some).collect();
    let mut kwnames = Vec::new();
    if let Some(kwargs) = kwargs {
        for (key, value) in kwargs.to_vec(vm) {
            if !key.is::<Str>() {
                return Err(vm.type_error("keywords must be strings"));
            }
            kwnames.push(key);
            values.push(Some(value));
        }
    }
    // SAFETY: the vector holds a value for each argument, and each may be moved out.
    unsafe { make_frame(vm, func, values.as_mut_ptr(), args.len(), &kwnames) }
}
