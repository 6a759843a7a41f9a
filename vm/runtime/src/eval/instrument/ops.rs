//! The instrumented instructions: tell the tools, then do what the base instruction does.
#![allow(unsafe_code, reason = "the value stack is raw memory")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

use super::events::{Place, call_tools, fire, fire_at, loop_of};
use super::{Site, base_opcode, code_value, event, is_stale, jumped, pause, site, update};
use crate::eval::frame::{Frame, Slot};
use crate::eval::ops::build;
use crate::eval::dispatch::op;
use crate::eval::fast::bind_method;
use crate::eval::slow::{Next, slow};
use crate::types::exceptions::StopIteration;
use crate::types::generator::{Coroutine, Generator, stop_iteration};
use crate::types::pyfunction::Function;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{PyResult, Raised, Value, Vm};
use krait_bytecode::Opcode;
use std::sync::atomic::Ordering;

/// Does an instrumented instruction.
///
/// # Safety
/// As for `slow`: `frame` runs, is at an instruction with this opcode and operand, and `ip` and `sp` are exact.
#[cold]
#[inline(never)]
pub(in crate::eval) unsafe fn run(vm: &mut Vm, frame: *mut Frame, opcode: u16, oparg: u32) -> Next {
    // SAFETY: the caller's promise.
    unsafe {
        let place = Place { code: (*frame).code.clone(), unit: Frame::lasti(frame).max(0) as usize };
        if vm.eval.tracing == 0 && is_stale(vm, &place.code) {
            return match update(vm, &place.code) {
                Ok(()) => Next::Again,
                Err(e) => fail(vm, e),
            };
        }
        let ip = (*frame).ip;
        let outer = opcode == op::INSTRUMENTED_LINE || opcode == op::INSTRUMENTED_INSTRUCTION;
        if outer {
            if opcode == op::INSTRUMENTED_LINE {
                if let Err(e) = line(vm, frame, &place) {
                    (*frame).ip = ip;
                    return fail(vm, e);
                }
                if (*frame).ip != ip {
                    return redirected(vm, frame);
                }
            }
            if let Err(e) = fire(vm, &place, event::INSTRUCTION, &[]) {
                (*frame).ip = ip;
                return fail(vm, e);
            }
            if (*frame).ip != ip {
                return redirected(vm, frame);
            }
        }
        let now = site_of(vm, &place);
        let base = base_opcode(&place.code, place.unit);
        if outer && now.event == 0 && base == Opcode::JUMP_BACKWARD {
            // Its handler would come back to the instruction that stands here when the breaker is set.
            return jump(vm, frame, &place, base, oparg);
        }
        if outer && now.event == 0 {
            if now.flags & site::JUMP != 0
                && let Some(to) = target(base, place.unit, oparg) {
                    jumped(vm, frame, place.unit, to);
                }
            return go_on(vm, &place, base);
        }
        dispatch(vm, frame, &place, base, oparg)
    }
}

fn site_of(vm: &Vm, place: &Place) -> Site {
    place.code.instrumentation.get(vm).as_deref().map(|s| s.site(place.unit)).unwrap_or_default()
}

fn fail(vm: &mut Vm, e: Raised) -> Next {
    vm.eval.raised = Some(e);
    Next::Error
}

/// Lets the loop do the base instruction.
fn go_on(vm: &mut Vm, place: &Place, base: Opcode) -> Next {
    pause(&place.code, place.unit);
    vm.eval.base_opcode = base as u16;
    Next::Base
}

/// A callback has set `f_lineno`: goes on at the instruction that the frame stands at now.
unsafe fn redirected(vm: &mut Vm, frame: *mut Frame) -> Next {
    // SAFETY: the caller's frame; `f_lineno` leaves `ip` behind an instruction's first unit.
    unsafe {
        let unit = Frame::lasti(frame).max(0) as usize;
        (*frame).ip = (*frame).code.start().add(unit);
        // What begins at the target has been chosen by the callback, so it is no news.
        jumped(vm, frame, unit, unit);
    }
    Next::Continue
}

/// Where a jump leads; `unit` is the instruction's, behind any EXTENDED_ARG.
fn target(base: Opcode, unit: usize, oparg: u32) -> Option<usize> {
    let end = unit + 1 + base.caches();
    if base.is_backwards_jump() { end.checked_sub(oparg as usize) } else { Some(end + oparg as usize) }
}

/// The line layer: tells of a line, unless the frame comes from the same one.
unsafe fn line(vm: &mut Vm, frame: *mut Frame, place: &Place) -> PyResult<()> {
    if vm.eval.tracing != 0 {
        return Ok(());
    }
    let jump = std::mem::replace(&mut vm.eval.jump, super::Jump::NONE);
    let Some(state) = place.code.instrumentation.get(vm).as_deref() else { return Ok(()) };
    let (site, line) = (state.site(place.unit), state.line(place.unit));
    let is_new = if std::ptr::eq(jump.frame, frame) && jump.to == place.unit {
        let resumed = matches!(base_opcode(&place.code, jump.from), Opcode::RESUME | Opcode::YIELD_VALUE);
        resumed || state.line(jump.from) != line
    } else {
        site.flags & site::NEW_LINE != 0
    };
    if !is_new || site.line == 0 {
        return Ok(());
    }
    let args = [code_value(&place.code), Value::from_i32(line)];
    call_tools(vm, site.line, place, event::LINE, &args)
}

/// An instruction with an event of its own.
unsafe fn dispatch(vm: &mut Vm, frame: *mut Frame, place: &Place, base: Opcode, oparg: u32) -> Next {
    // SAFETY: the caller's promise.
    unsafe {
        let ip = (*frame).ip;
        let done = match base {
            Opcode::RESUME => return resume(vm, frame, place, oparg),
            Opcode::RETURN_VALUE => {
                let value = top(frame, 1);
                fire(vm, place, event::PY_RETURN, &[value])
            }
            Opcode::YIELD_VALUE => {
                let value = top(frame, 1);
                fire(vm, place, event::PY_YIELD, &[value])
            }
            Opcode::CALL | Opcode::CALL_KW => return call(vm, frame, place, base, oparg),
            Opcode::CALL_FUNCTION_EX => return call_ex(vm, frame, place),
            Opcode::LOAD_SUPER_ATTR => return load_super(vm, frame, place, oparg),
            Opcode::JUMP_FORWARD | Opcode::JUMP_BACKWARD => return jump(vm, frame, place, base, oparg),
            _ if base.is_conditional_jump() => return branch(vm, frame, place, base, oparg),
            Opcode::FOR_ITER => return for_iter(vm, frame, place, oparg),
            Opcode::POP_ITER => {
                let from = loop_of(&place.code, place.unit).unwrap_or(place.unit.saturating_sub(1));
                return after(vm, frame, place, base, from, event::BRANCH_RIGHT);
            }
            Opcode::NOT_TAKEN => {
                let two_back = place.unit.saturating_sub(2);
                let from = if base_opcode(&place.code, two_back).is_conditional_jump() { two_back } else { place.unit.saturating_sub(1) };
                return after(vm, frame, place, base, from, event::BRANCH_LEFT);
            }
            Opcode::END_ASYNC_FOR => return end_async_for(vm, frame, place, oparg),
            Opcode::END_FOR | Opcode::END_SEND => stop(vm, frame, place),
            _ => Ok(()),
        };
        match done {
            Err(e) => {
                (*frame).ip = ip;
                fail(vm, e)
            }
            Ok(()) if (*frame).ip != ip => redirected(vm, frame),
            Ok(()) => go_on(vm, place, base),
        }
    }
}

/// The `n`th item from the top.
unsafe fn top(frame: *mut Frame, n: usize) -> Value {
    // SAFETY: the caller knows that the stack is so deep.
    unsafe { (*(*frame).sp.sub(n)).clone().unwrap_or_else(Value::none) }
}

unsafe fn resume(vm: &mut Vm, frame: *mut Frame, place: &Place, oparg: u32) -> Next {
    let event = if oparg & 3 == 0 { event::PY_START } else { event::PY_RESUME };
    // SAFETY: the caller's promise.
    unsafe {
        let ip = (*frame).ip;
        if oparg & 3 < 2 && vm.interp.eval_breaker.load(Ordering::Relaxed) != 0 {
            if let Err(e) = vm.handle_breaker() {
                return fail(vm, e);
            }
            if is_stale(vm, &place.code) && vm.eval.tracing == 0 {
                return Next::Again;
            }
        }
        match fire(vm, place, event, &[]) {
            Err(e) => {
                (*frame).ip = ip;
                fail(vm, e)
            }
            Ok(()) if (*frame).ip != ip => redirected(vm, frame),
            Ok(()) => Next::Continue,
        }
    }
}

/// The argument that CALL events show: the first one, or MISSING.
fn first_argument(vm: &Vm, arg: Option<Value>) -> Value {
    arg.or_else(|| vm.interp.monitoring.missing.load(vm)).unwrap_or_else(Value::none)
}

unsafe fn call(vm: &mut Vm, frame: *mut Frame, place: &Place, base: Opcode, oparg: u32) -> Next {
    // SAFETY: the callable stands below its arguments, as the verifier has seen.
    unsafe {
        let count = oparg as usize;
        let kw = usize::from(base == Opcode::CALL_KW);
        let slot: *mut Slot = (*frame).sp.sub(count + 2 + kw);
        bind_method(slot);
        let callable = (*slot).clone().unwrap_or_else(Value::none);
        let zelf = (*slot.add(1)).clone();
        let first = if zelf.is_none() && count > 0 { (*slot.add(2)).clone() } else { zelf };
        let first = first_argument(vm, first);
        if let Err(e) = fire(vm, place, event::CALL, &[callable.clone(), first.clone()]) {
            return fail(vm, e);
        }
        pause(&place.code, place.unit);
        let next = again(vm, frame, base as u16, oparg);
        if callable.is_exact::<Function>() {
            return next;
        }
        called(vm, frame, place, next, callable, first)
    }
}

/// Behind a call of something that is not a Python function: C_RETURN or C_RAISE.
unsafe fn called(vm: &mut Vm, frame: *mut Frame, place: &Place, next: Next, callable: Value, first: Value) -> Next {
    // SAFETY: the caller's promise.
    unsafe {
        let behind = (*frame).ip;
        (*frame).ip = (*frame).code.start().add(place.unit + 1);
        let told = match next {
            Next::Continue => fire(vm, place, event::C_RETURN, &[callable, first]),
            Next::Error => {
                let raised = vm.eval.raised.take();
                let told = fire(vm, place, event::C_RAISE, &[callable, first]);
                vm.eval.raised = raised;
                told
            }
            _ => Ok(()),
        };
        match told {
            Ok(()) => {
                (*frame).ip = behind;
                next
            }
            Err(e) => {
                if next == Next::Continue {
                    (*frame).sp = (*frame).sp.sub(1);
                    drop((*frame).sp.read());
                }
                fail(vm, e)
            }
        }
    }
}

unsafe fn call_ex(vm: &mut Vm, frame: *mut Frame, place: &Place) -> Next {
    // SAFETY: callable, NULL, arguments, keywords, as the verifier has seen.
    unsafe {
        let callable = top(frame, 4);
        let args = top(frame, 2);
        let args = match build::call_args_tuple(vm, &callable, args) {
            Ok(args) => args.into_value(),
            Err(e) => return fail(vm, e),
        };
        let first = args.downcast::<Tuple>().and_then(|t| t.items().first().cloned());
        let old = (*(*frame).sp.sub(2)).replace(args);
        drop(old);
        let first = first_argument(vm, first);
        if let Err(e) = fire(vm, place, event::CALL, &[callable.clone(), first.clone()]) {
            return fail(vm, e);
        }
        let next = again(vm, frame, op::CALL_FUNCTION_EX, 0);
        if callable.is_exact::<Function>() || callable.is_exact::<crate::types::method::Method>() {
            return next;
        }
        called(vm, frame, place, next, callable, first)
    }
}

/// LOAD_SUPER_ATTR tells of a call of `super`, and so makes it.
unsafe fn load_super(vm: &mut Vm, frame: *mut Frame, place: &Place, oparg: u32) -> Next {
    // SAFETY: `super`, class, object, as the verifier has seen.
    unsafe {
        let (callable, class, zelf) = (top(frame, 3), top(frame, 2), top(frame, 1));
        let args = [class.clone(), zelf];
        let args = if oparg & 2 != 0 { &args[..] } else { &[] };
        let first = first_argument(vm, (oparg & 2 != 0).then_some(class));
        if let Err(e) = fire(vm, place, event::CALL, &[callable.clone(), first.clone()]) {
            return fail(vm, e);
        }
        let object = match vm.call(&callable, args) {
            Ok(object) => object,
            Err(e) => {
                return match fire(vm, place, event::C_RAISE, &[callable, first]) {
                    Ok(()) => fail(vm, e),
                    Err(e) => fail(vm, e),
                };
            }
        };
        if let Err(e) = fire(vm, place, event::C_RETURN, &[callable, first]) {
            return fail(vm, e);
        }
        let name = (*frame).code.name_at((oparg >> 2) as usize).map_or_else(|| n!(empty).clone(), Clone::clone);
        let value = match vm.getattr(&object, &name) {
            Ok(value) => value,
            Err(e) => return fail(vm, e),
        };
        for _ in 0..3 {
            (*frame).sp = (*frame).sp.sub(1);
            drop((*frame).sp.read());
        }
        (*frame).sp.write(Some(value));
        (*frame).sp = (*frame).sp.add(1);
        if oparg & 1 != 0 {
            (*frame).sp.write(None);
            (*frame).sp = (*frame).sp.add(1);
        }
        (*frame).ip = (*frame).code.start().add(place.unit + 1 + Opcode::LOAD_SUPER_ATTR.caches());
        Next::Continue
    }
}

/// Tells of a jump from `from` to `to` as happening there, and goes there.
unsafe fn go_to(vm: &mut Vm, frame: *mut Frame, place: &Place, from: usize, to: usize, event: usize) -> Next {
    // SAFETY: the target is an instruction, as the verifier has seen.
    unsafe {
        let here = (*frame).ip;
        let dest = match super::events::offset(vm, to) {
            Ok(dest) => dest,
            Err(e) => return fail(vm, e),
        };
        // An exception of the callback counts as raised at the target.
        if let Err(e) = fire_at(vm, place, from, event, &[dest]) {
            (*frame).ip = (*frame).code.start().add(to + 1);
            return fail_at(vm, e);
        }
        if (*frame).ip != here {
            return redirected(vm, frame);
        }
        (*frame).ip = (*frame).code.start().add(to);
        jumped(vm, frame, place.unit, to);
        Next::Continue
    }
}

/// Raises at the frame's own `ip`, not at the instruction.
fn fail_at(vm: &mut Vm, e: Raised) -> Next {
    vm.eval.raised = Some(e);
    Next::ErrorHere
}

unsafe fn jump(vm: &mut Vm, frame: *mut Frame, place: &Place, base: Opcode, oparg: u32) -> Next {
    if base == Opcode::JUMP_BACKWARD && vm.interp.eval_breaker.load(Ordering::Relaxed) != 0
        && let Err(e) = vm.handle_breaker() {
            return fail(vm, e);
        }
    match target(base, place.unit, oparg) {
        // SAFETY: the caller's promise.
        Some(to) => unsafe { go_to(vm, frame, place, place.unit, to, event::JUMP) },
        None => Next::Continue,
    }
}

unsafe fn branch(vm: &mut Vm, frame: *mut Frame, place: &Place, base: Opcode, oparg: u32) -> Next {
    // SAFETY: the condition is on the stack, as the verifier has seen.
    unsafe {
        (*frame).sp = (*frame).sp.sub(1);
        let value = (*frame).sp.read();
        let taken = match base {
            Opcode::POP_JUMP_IF_FALSE => value.as_ref().is_some_and(Value::is_false),
            Opcode::POP_JUMP_IF_TRUE => value.as_ref().is_some_and(Value::is_true),
            Opcode::POP_JUMP_IF_NONE => value.as_ref().is_none_or(Value::is_none),
            _ => value.as_ref().is_some_and(|v| !v.is_none()),
        };
        drop(value);
        match target(base, place.unit, oparg) {
            Some(to) if taken => go_to(vm, frame, place, place.unit, to, event::BRANCH_RIGHT),
            _ => {
                (*frame).ip = (*frame).ip.add(1);
                Next::Continue
            }
        }
    }
}

unsafe fn for_iter(vm: &mut Vm, frame: *mut Frame, place: &Place, oparg: u32) -> Next {
    // SAFETY: the caller's promise.
    unsafe {
        let depth = (*frame).sp;
        pause(&place.code, place.unit);
        let next = again(vm, frame, op::FOR_ITER, oparg);
        if next != Next::Continue || (*frame).sp <= depth {
            return next;
        }
        let to = place.unit + 2;
        go_to(vm, frame, place, place.unit, to, event::BRANCH_LEFT)
    }
}

/// Instructions that stand where a branch has led: tell of it, then go on behind.
unsafe fn after(vm: &mut Vm, frame: *mut Frame, place: &Place, base: Opcode, from: usize, event: usize) -> Next {
    // SAFETY: the caller's promise.
    unsafe {
        if base == Opcode::POP_ITER {
            (*frame).sp = (*frame).sp.sub(1);
            drop((*frame).sp.read());
        }
        let next = go_to(vm, frame, place, from, place.unit + 1, event);
        // Nothing was jumped over.
        if next == Next::Continue {
            vm.eval.jump = super::Jump::NONE;
        }
        next
    }
}

unsafe fn end_async_for(vm: &mut Vm, frame: *mut Frame, place: &Place, oparg: u32) -> Next {
    // SAFETY: the caller's promise.
    unsafe {
        let next = again(vm, frame, op::END_ASYNC_FOR, oparg);
        if next != Next::Continue {
            return next;
        }
        let end = place.unit + 1;
        let next = go_to(vm, frame, place, end.saturating_sub(oparg as usize), end, event::BRANCH_RIGHT);
        if next == Next::Continue {
            vm.eval.jump = super::Jump::NONE;
        }
        next
    }
}

/// END_FOR and END_SEND: a generator that was run without leaving the loop has returned.
unsafe fn stop(vm: &mut Vm, frame: *mut Frame, place: &Place) -> PyResult<()> {
    // SAFETY: receiver and value, as the verifier has seen.
    let (receiver, value) = unsafe { (top(frame, 2), top(frame, 1)) };
    if !receiver.is_exact::<Generator>() && !receiver.is_exact::<Coroutine>() {
        return Ok(());
    }
    let stop = stop_iteration(vm, value).into_exception().into_value();
    debug_assert!(stop.is::<StopIteration>());
    fire(vm, place, event::STOP_ITERATION, &[stop])
}

/// Does an instruction whose event has been told.
unsafe fn again(vm: &mut Vm, frame: *mut Frame, opcode: u16, oparg: u32) -> Next {
    // SAFETY: the frame runs, and its registers are exact.
    unsafe { slow(vm, frame, (*frame).ip, (*frame).sp, opcode, oparg) }
}
