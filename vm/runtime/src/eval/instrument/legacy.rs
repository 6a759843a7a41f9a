//! `sys.settrace` and `sys.setprofile`: two tools of the interpreter's own, which pass events on to the functions of the threads.
#![allow(unsafe_code, reason = "asks for the frame objects of running frames")]

use super::{PROFILE, TRACE, event, local_events, set_events, set_local_events};
use crate::eval::frame::frame_object_of;
use crate::types::code::CodeObject;
use crate::types::frame::FrameObject;
use crate::types::native::{BuiltinFunction, MethodDescr};
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyResult, Value, Vm};
use std::cell::Cell;

/// What the threads of an interpreter have in common.
#[derive(Default)]
pub struct Threads {
    /// How many threads have a function of their own.
    tracing: Cell<u32>,
    profiling: Cell<u32>,
    /// Functions that were set for all threads, and how often that was done.
    all_trace: GilCell<(u32, Option<Value>)>,
    all_profile: GilCell<(u32, Option<Value>)>,
}

const fn bits(events: &[usize]) -> u32 {
    let (mut set, mut i) = (0, 0);
    while i < events.len() {
        set |= 1 << events[i];
        i += 1;
    }
    set
}

const TRACED: u32 = bits(&[
    event::PY_START,
    event::PY_RESUME,
    event::PY_RETURN,
    event::PY_YIELD,
    event::LINE,
    event::JUMP,
    event::STOP_ITERATION,
    event::RAISE,
    event::PY_UNWIND,
    event::PY_THROW,
]);
const PROFILED: u32 =
    bits(&[event::PY_START, event::PY_RESUME, event::PY_RETURN, event::PY_YIELD, event::CALL, event::PY_UNWIND, event::PY_THROW]);

fn count(cell: &Cell<u32>, before: bool, after: bool) {
    match (before, after) {
        (false, true) => cell.set(cell.get() + 1),
        (true, false) => cell.set(cell.get().saturating_sub(1)),
        _ => {}
    }
}

impl Vm {
    /// `sys.settrace`.
    pub fn set_trace(&mut self, function: Option<Value>) -> PyResult<()> {
        adopt(self);
        let threads = &self.interp.monitoring.legacy;
        count(&threads.tracing, self.eval.trace.is_some(), function.is_some());
        let old = std::mem::replace(&mut self.eval.trace, function);
        drop(old);
        trace_events(self)?;
        if self.eval.trace.is_none() {
            return Ok(());
        }
        let frame = self.top_frame();
        // SAFETY: the running frame is alive.
        let traced = (!frame.is_null()).then(|| unsafe { ((*frame).code.clone(), (*frame).frame_obj.clone()) });
        match traced {
            Some((code, Some(object))) if object.trace_opcodes.get() => set_opcode_trace(self, &code, true),
            _ => Ok(()),
        }
    }

    /// `sys.setprofile`.
    pub fn set_profile(&mut self, function: Option<Value>) -> PyResult<()> {
        adopt(self);
        let threads = &self.interp.monitoring.legacy;
        count(&threads.profiling, self.eval.profile.is_some(), function.is_some());
        let old = std::mem::replace(&mut self.eval.profile, function);
        drop(old);
        profile_events(self)
    }

    /// `sys._settraceallthreads`: the threads take the function over when they run next.
    pub fn set_trace_everywhere(&mut self, function: Option<Value>) -> PyResult<()> {
        let interp = self.interp;
        let all = interp.monitoring.legacy.all_trace.get_mut(self);
        all.0 += 1;
        let old = std::mem::replace(&mut all.1, function);
        drop(old);
        adopt(self);
        trace_events(self)
    }

    /// `sys._setprofileallthreads`.
    pub fn set_profile_everywhere(&mut self, function: Option<Value>) -> PyResult<()> {
        let interp = self.interp;
        let all = interp.monitoring.legacy.all_profile.get_mut(self);
        all.0 += 1;
        let old = std::mem::replace(&mut all.1, function);
        drop(old);
        adopt(self);
        profile_events(self)
    }

    /// The tracing function of this thread.
    pub fn trace_function(&mut self) -> Option<Value> {
        adopt(self);
        self.eval.trace.clone()
    }

    /// The profiling function of this thread.
    pub fn profile_function(&mut self) -> Option<Value> {
        adopt(self);
        self.eval.profile.clone()
    }

    /// Takes a thread that ends out of the counts.
    pub(crate) fn untrace(&mut self) {
        // Nobody is there to hear of a failure, and all that can fail is memory.
        let _ = self.set_trace(None);
        let _ = self.set_profile(None);
    }
}

fn trace_events(vm: &mut Vm) -> PyResult<()> {
    let threads = &vm.interp.monitoring.legacy;
    let on = threads.tracing.get() > 0 || threads.all_trace.get(vm).1.is_some();
    set_events(vm, TRACE, if on { TRACED } else { 0 })
}

fn profile_events(vm: &mut Vm) -> PyResult<()> {
    let threads = &vm.interp.monitoring.legacy;
    let on = threads.profiling.get() > 0 || threads.all_profile.get(vm).1.is_some();
    set_events(vm, PROFILE, if on { PROFILED } else { 0 })
}

/// Takes over functions that were set for all threads.
pub(super) fn adopt(vm: &mut Vm) {
    let threads = &vm.interp.monitoring.legacy;
    if threads.all_trace.get(vm).0 != vm.eval.adopted.0 {
        let (stamp, function) = threads.all_trace.load(vm);
        count(&threads.tracing, vm.eval.trace.is_some(), function.is_some());
        vm.eval.adopted.0 = stamp;
        let old = std::mem::replace(&mut vm.eval.trace, function);
        drop(old);
    }
    if threads.all_profile.get(vm).0 != vm.eval.adopted.1 {
        let (stamp, function) = threads.all_profile.load(vm);
        count(&threads.profiling, vm.eval.profile.is_some(), function.is_some());
        vm.eval.adopted.1 = stamp;
        let old = std::mem::replace(&mut vm.eval.profile, function);
        drop(old);
    }
}

/// Asks for INSTRUCTION events in a code object, for `frame.f_trace_opcodes`.
pub(crate) fn set_opcode_trace(vm: &mut Vm, code: &CodeObject, on: bool) -> PyResult<()> {
    let events = local_events(vm, TRACE, code);
    let wanted = if on { events | 1 << event::INSTRUCTION } else { events & !(1 << event::INSTRUCTION) };
    set_local_events(vm, TRACE, code, wanted)
}

fn running(vm: &mut Vm) -> PyResult<Py<FrameObject>> {
    let frame = vm.top_frame();
    if frame.is_null() {
        return Err(vm.system_error("Missing frame when calling trace function."));
    }
    // SAFETY: the running frame is alive.
    unsafe { frame_object_of(vm, frame) }
}

fn call(vm: &mut Vm, function: &Value, frame: &Py<FrameObject>, event: &str, arg: Value) -> PyResult {
    let event = vm.intern(event).into_value();
    vm.call(function, &[frame.to_value(), event, arg])
}

/// Calls the function of the thread (for calls) or of the frame, and keeps what it returns for the frame.
fn tell(vm: &mut Vm, frame: &Py<FrameObject>, event: &str, arg: Value) -> PyResult<()> {
    let function = if event == "call" { vm.eval.trace.clone() } else { frame.trace.load(vm) };
    let Some(function) = function else { return Ok(()) };
    match call(vm, &function, frame, event, arg) {
        Ok(result) => {
            if !result.is_none() {
                let old = frame.trace.replace(vm, Some(result));
                drop(old);
            }
            Ok(())
        }
        Err(e) => {
            vm.set_trace(None)?;
            let old = frame.trace.replace(vm, None);
            drop(old);
            Err(e)
        }
    }
}

fn tell_plain(vm: &mut Vm, event: &str, arg: Value) -> PyResult<bool> {
    let frame = running(vm)?;
    if frame.trace_opcodes.get()
        && let Some(code) = frame.code() {
            set_opcode_trace(vm, &code, true)?;
        }
    let told = tell(vm, &frame, event, arg);
    frame.lineno.set(0);
    told.map(|()| false)
}

fn tell_line(vm: &mut Vm, line: i32) -> PyResult<bool> {
    let frame = running(vm)?;
    if !frame.trace_lines.get() || line < 0 {
        return Ok(false);
    }
    frame.lineno.set(line);
    let told = tell(vm, &frame, "line", Value::none());
    frame.lineno.set(0);
    told.map(|()| false)
}

fn arg(args: &[Value], at: usize) -> Value {
    args.get(at).cloned().unwrap_or_else(Value::none)
}

/// An event for the tracing function. True switches the event off where it happened.
pub(super) fn trace(vm: &mut Vm, event: usize, code: &Py<CodeObject>, args: &[Value]) -> PyResult<bool> {
    adopt(vm);
    if event == event::INSTRUCTION {
        let frame = running(vm)?;
        if vm.eval.trace.is_none() || !frame.trace_opcodes.get() {
            return set_opcode_trace(vm, code, false).map(|()| false);
        }
        let told = tell(vm, &frame, "opcode", Value::none());
        frame.lineno.set(0);
        return told.map(|()| false);
    }
    if vm.eval.trace.is_none() {
        return Ok(false);
    }
    match event {
        event::PY_START | event::PY_RESUME | event::PY_THROW => tell_plain(vm, "call", Value::none()),
        event::PY_RETURN | event::PY_YIELD => tell_plain(vm, "return", arg(args, 2)),
        event::PY_UNWIND => tell_plain(vm, "return", Value::none()),
        event::LINE => tell_line(vm, arg(args, 1).as_small_int().map_or(-1, |l| l as i32)),
        event::JUMP => jump(vm, code, args),
        event::RAISE | event::STOP_ITERATION => {
            let exception = arg(args, 2);
            let tb = exception.downcast::<crate::types::exceptions::BaseException>().and_then(|e| e.traceback.load(vm));
            let triple = [exception.ty().to_value(), exception, tb.unwrap_or_else(Value::none)];
            let triple = vm.new_tuple(triple)?.into_value();
            tell_plain(vm, "exception", triple)
        }
        _ => Ok(false),
    }
}

/// Jumps backwards count as a new line even on the same one.
fn jump(vm: &mut Vm, code: &Py<CodeObject>, args: &[Value]) -> PyResult<bool> {
    let place = |at: usize| arg(args, at).as_small_int().map_or(0, |o| o as usize / 2);
    let (from, to) = (place(1), place(2));
    if to > from {
        return Ok(true);
    }
    let Some((from, to)) = code.instrumentation.get(vm).as_deref().map(|s| (s.line(from), s.line(to))) else { return Ok(true) };
    if from != to {
        // The line that begins at the target tells of it.
        return Ok(true);
    }
    tell_line(vm, to)
}

/// An event for the profiling function.
pub(super) fn profile(vm: &mut Vm, event: usize, args: &[Value]) -> PyResult<()> {
    adopt(vm);
    let Some(function) = vm.eval.profile.clone() else { return Ok(()) };
    let (name, arg) = match event {
        event::PY_START | event::PY_RESUME | event::PY_THROW => ("call", Value::none()),
        event::PY_RETURN | event::PY_YIELD => ("return", arg(args, 2)),
        event::PY_UNWIND => ("return", Value::none()),
        _ => match native(vm, &arg(args, 2), &arg(args, 3))? {
            Some(callable) if event == event::CALL => ("c_call", callable),
            Some(callable) if event == event::C_RETURN => ("c_return", callable),
            Some(callable) => ("c_exception", callable),
            None => return Ok(()),
        },
    };
    let frame = running(vm)?;
    match call(vm, &function, &frame, name, arg) {
        Ok(_) => Ok(()),
        Err(e) => {
            vm.set_profile(None)?;
            Err(e)
        }
    }
}

/// What the profiling function is shown of a callable: native functions, and methods as they are when bound.
fn native(vm: &mut Vm, callable: &Value, first: &Value) -> PyResult<Option<Value>> {
    if callable.is_exact::<BuiltinFunction>() {
        return Ok(Some(callable.clone()));
    }
    if !callable.is_exact::<MethodDescr>() || vm.interp.monitoring.missing.get(vm).as_ref().is_some_and(|m| m.is_same(first)) {
        return Ok(None);
    }
    let Some(bind) = callable.type_ref().slots.descr_get.get() else { return Ok(None) };
    let class = first.ty().to_value();
    bind(vm, callable, Some(first), Some(&class)).map(Some)
}
