//! Telling tools of events.
#![allow(unsafe_code, reason = "looks into raw frames")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

use super::{Callback, PROFILE, TOOLS, TRACE, USER_TOOLS, base_opcode, code_value, disable, event, legacy, update};
use crate::eval::frame::Frame;
use crate::types::code::CodeObject;
use crate::types::exceptions::StopIteration;
use crate::types::generator::{Coroutine, Generator, stop_iteration};
use crate::types::slots::SendResult;
use crate::types::typeobject::slotdefs::has_generic_next;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Raised, Value, Vm};
use krait_bytecode::Opcode;
use std::cell::Cell;

/// Where an event happens.
pub(super) struct Place {
    pub code: Py<CodeObject>,
    /// The instruction whose tools are told.
    pub unit: usize,
}

/// Calls tools, the highest first, and takes those off the instruction that answer DISABLE.
pub(super) fn call_tools(vm: &mut Vm, tools: u8, place: &Place, event: usize, args: &[Value]) -> PyResult<()> {
    for tool in (0..TOOLS).rev().filter(|t| tools >> t & 1 != 0) {
        let old = std::mem::replace(&mut vm.eval.monitored_event, event as i8);
        vm.eval.tracing += 1;
        let answer = call_tool(vm, tool, place, event, args);
        vm.eval.tracing -= 1;
        vm.eval.monitored_event = old;
        if !answer? {
            continue;
        }
        if event < event::LOCAL {
            disable(vm, &place.code, place.unit, event, tool);
            continue;
        }
        return Err(cannot_disable(vm, tool, event));
    }
    Ok(())
}

/// Takes the callback away that wants an event switched off for which that cannot be done.
#[cold]
fn cannot_disable(vm: &mut Vm, tool: usize, event: usize) -> Raised {
    let interp = vm.interp;
    if let Some(slot) = interp.monitoring.callbacks.get_mut(vm).get_mut(tool).and_then(|c| c.get_mut(event)) {
        let old = std::mem::take(slot);
        drop(old);
    }
    let name = event::NAMES.get(event).copied().unwrap_or("");
    vm.value_error(format!("Cannot disable {name} events. Callback removed."))
}

/// Native code that monitors itself tells the `listening` tools of an event; those that answer DISABLE are taken out.
pub fn fire_native(vm: &mut Vm, listening: &Cell<u8>, event: usize, args: &[Value]) -> PyResult<()> {
    if vm.eval.tracing != 0 {
        return Ok(());
    }
    for tool in (0..USER_TOOLS).rev() {
        if listening.get() >> tool & 1 == 0 {
            continue;
        }
        let callback = vm.interp.monitoring.callbacks.get(vm).get(tool).and_then(|c| c.get(event)).cloned().unwrap_or_default();
        let (Callback::Function(function) | Callback::Branch(function)) = callback else { continue };
        let old = std::mem::replace(&mut vm.eval.monitored_event, event as i8);
        vm.eval.tracing += 1;
        let answer = vm.call(&function, args);
        vm.eval.tracing -= 1;
        vm.eval.monitored_event = old;
        let answer = answer?;
        if !vm.interp.monitoring.disable.get(vm).as_ref().is_some_and(|d| d.is_same(&answer)) {
            continue;
        }
        if event >= event::LOCAL {
            return Err(cannot_disable(vm, tool, event));
        }
        listening.set(listening.get() & !(1 << tool));
    }
    Ok(())
}

/// Calls one tool. True if it wants the event switched off here.
fn call_tool(vm: &mut Vm, tool: usize, place: &Place, event: usize, args: &[Value]) -> PyResult<bool> {
    match tool {
        TRACE => return legacy::trace(vm, event, &place.code, args),
        PROFILE => return legacy::profile(vm, event, args).map(|()| false),
        _ => {}
    }
    let callback = vm.interp.monitoring.callbacks.get(vm).get(tool).and_then(|c| c.get(event)).cloned().unwrap_or_default();
    let (function, both) = match callback {
        Callback::None => return Ok(false),
        Callback::Function(f) => (f, false),
        Callback::Branch(f) => (f, true),
    };
    let answer = vm.call(&function, args)?;
    let off = vm.interp.monitoring.disable.get(vm).as_ref().is_some_and(|d| d.is_same(&answer));
    if off && both
        && let Some((unit, event)) = other_side(&place.code, place.unit) {
            disable(vm, &place.code, unit, event, tool);
        }
    Ok(off)
}

/// The instruction that tells of the other side of a branch.
fn other_side(code: &CodeObject, unit: usize) -> Option<(usize, usize)> {
    let base = base_opcode(code, unit);
    if base == Opcode::FOR_ITER {
        let jump = krait_bytecode::dis::Instructions::new(&code.bytecode).find(|i| i.unit as usize == unit)?;
        return Some((jump.jump_target()? as usize + 1, event::BRANCH_RIGHT));
    }
    if base.is_conditional_jump() {
        return Some((unit + 2, event::BRANCH_LEFT));
    }
    match base {
        Opcode::NOT_TAKEN => Some((unit.checked_sub(2)?, event::BRANCH_RIGHT)),
        Opcode::POP_ITER => Some((loop_of(code, unit)?, event::BRANCH_LEFT)),
        _ => None,
    }
}

/// The FOR_ITER that ends at a POP_ITER.
pub(super) fn loop_of(code: &CodeObject, unit: usize) -> Option<usize> {
    let mut instructions = krait_bytecode::dis::Instructions::new(&code.bytecode);
    let found = instructions.find(|i| i.opcode == Some(Opcode::FOR_ITER) && i.jump_target().is_some_and(|t| t as usize + 1 == unit));
    found.map(|i| i.unit as usize)
}

/// An offset as callbacks get it: in bytes.
pub(super) fn offset(vm: &mut Vm, unit: usize) -> PyResult {
    vm.new_int(2 * unit as i64)
}

/// Tells the tools of the instruction at `place` of its event, which counts as happening at unit `at`.
pub(super) fn fire_at(vm: &mut Vm, place: &Place, at: usize, event: usize, rest: &[Value]) -> PyResult<()> {
    if vm.eval.tracing != 0 {
        return Ok(());
    }
    let site = place.code.instrumentation.get(vm).as_deref().map(|s| s.site(place.unit)).unwrap_or_default();
    let tools = match event {
        event::INSTRUCTION => site.instruction,
        event::LINE => site.line,
        _ => site.event,
    };
    if tools == 0 {
        return Ok(());
    }
    let mut args = Vec::with_capacity(4);
    args.extend([code_value(&place.code), offset(vm, at)?]);
    args.extend_from_slice(rest);
    call_tools(vm, tools, place, event, &args)
}

/// The same at the instruction itself.
pub(super) fn fire(vm: &mut Vm, place: &Place, event: usize, rest: &[Value]) -> PyResult<()> {
    fire_at(vm, place, place.unit, event, rest)
}

/// Tells the tools that listen everywhere to an event that has to do with an exception. What is raised now.
fn fire_exception(vm: &mut Vm, frame: *mut Frame, unit: Option<usize>, event: usize, raised: Raised) -> Raised {
    let tools = vm.interp.monitoring.tools(event);
    if tools == 0 || vm.eval.tracing != 0 {
        return raised;
    }
    // SAFETY: the frame is alive and its `ip` is exact.
    let (code, here) = unsafe { ((*frame).code.clone(), Frame::lasti(frame).max(0) as usize) };
    let unit = unit.unwrap_or(here);
    let args = match offset(vm, unit) {
        Ok(offset) => [code_value(&code), offset, raised.exception().to_value()],
        Err(e) => return e,
    };
    match call_tools(vm, tools, &Place { code, unit }, event, &args) {
        Ok(()) => raised,
        Err(e) => e,
    }
}

/// An exception was raised in a frame, has come up to it, or (`again`) is on its way once more. What is raised now.
#[cold]
pub(in crate::eval) fn raising(vm: &mut Vm, frame: *mut Frame, again: bool, raised: Raised) -> Raised {
    fire_exception(vm, frame, None, if again { event::RERAISE } else { event::RAISE }, raised)
}

/// An exception leaves a frame. What leaves it now.
#[cold]
pub(crate) fn unwinding(vm: &mut Vm, frame: *mut Frame, raised: Raised) -> Raised {
    fire_exception(vm, frame, None, event::PY_UNWIND, raised)
}

/// An exception is thrown into a suspended frame. What is raised there now.
#[cold]
pub(crate) fn thrown(vm: &mut Vm, frame: *mut Frame, raised: Raised) -> Raised {
    // SAFETY: the frame is alive.
    let code = unsafe { (*frame).code.clone() };
    if vm.eval.tracing == 0
        && let Err(e) = update(vm, &code) {
            return e;
        }
    fire_exception(vm, frame, None, event::PY_THROW, raised)
}

/// A frame goes on with the handler of an exception at code unit `unit`. An exception of the callback comes back.
#[cold]
pub(crate) fn handled(vm: &mut Vm, frame: *mut Frame, unit: usize, exception: &Value) -> PyResult<()> {
    // SAFETY: the frame is alive and its `ip` is exact.
    let from = unsafe { Frame::lasti(frame).max(0) as usize };
    let tools = vm.interp.monitoring.tools(event::EXCEPTION_HANDLED);
    if tools != 0 && vm.eval.tracing == 0 {
        // SAFETY: as above.
        let code = unsafe { (*frame).code.clone() };
        let args = [code_value(&code), offset(vm, unit)?, exception.clone()];
        call_tools(vm, tools, &Place { code, unit }, event::EXCEPTION_HANDLED, &args)?;
    }
    super::jumped(vm, frame, from, unit);
    Ok(())
}

/// FOR_ITER while RAISE is listened to: a StopIteration that ends the loop counts as raised here.
#[cold]
pub(in crate::eval) fn next_item(vm: &mut Vm, frame: *mut Frame, iterator: &Value) -> PyResult<Option<Value>> {
    let next = if has_generic_next(iterator.ty()) {
        // The slot would lose the exception.
        vm.call_method(iterator, n!(__next__), &[]).map(Some)
    } else {
        match iterator.type_ref().slots.iternext.get() {
            Some(slot) => slot(vm, iterator),
            None => vm.iter_next(iterator),
        }
    };
    match next {
        Err(e) if vm.is_raised::<StopIteration>(&e) => stopped(vm, frame, e).map(|()| None),
        other => other,
    }
}

/// SEND while RAISE is listened to: the same for what is delegated to.
#[cold]
pub(in crate::eval) fn send_item(vm: &mut Vm, frame: *mut Frame, receiver: &Value, value: &Value) -> PyResult<SendResult> {
    let result = crate::eval::ops::generator::send(vm, receiver, value)?;
    if let SendResult::Return(value) = &result {
        // END_SEND tells of generators and coroutines; a plain iterator that ends has raised nothing.
        let told = receiver.is_exact::<Generator>() || receiver.is_exact::<Coroutine>();
        if !told && (receiver.type_ref().slots.send.get().is_some() || !value.is_none()) {
            let stop = stop_iteration(vm, value.clone());
            stopped(vm, frame, stop)?;
        }
    }
    Ok(result)
}

fn stopped(vm: &mut Vm, frame: *mut Frame, stop: Raised) -> PyResult<()> {
    let now = fire_exception(vm, frame, None, event::RAISE, stop.clone());
    if now.exception().is(stop.exception()) { Ok(()) } else { Err(now) }
}
