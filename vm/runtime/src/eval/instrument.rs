//! Tracing and profiling: what `sys.settrace` and `sys.setprofile` hang on.
//!
//! While a thread is traced its frames run in a second instance of the dispatch loop, which calls in here around every instruction; the plain
//! instance knows nothing of it but the eval breaker's bit that makes it change over. Absent so far: `sys.monitoring`, and setting `f_lineno`.
#![allow(unsafe_code, reason = "looks into raw frames")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

use crate::eval::breaker;
use crate::eval::frame::{Frame, frame_object_of};
use crate::eval::run::op;
use crate::types::frame::FrameObject;
use crate::types::native::{BuiltinFunction, MethodDescr};
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Raised, Value, Vm};
use std::sync::atomic::Ordering;

/// What a code object's running copy is instrumented for.
pub struct Instrumentation {}

/// `frame.f_lineno = n`, which only a tracing function may do.
pub fn set_lineno(vm: &mut Vm, _frame: &FrameObject, value: Option<&Value>) -> PyResult<()> {
    match value {
        None => Err(vm.attribute_error("cannot delete attribute")),
        Some(_) => Err(vm.value_error("f_lineno can only be set in a trace function")),
    }
}

impl Vm {
    /// Whether the frames of this thread are to be traced or profiled now.
    #[inline]
    pub(crate) fn is_tracing(&self) -> bool {
        self.eval.tracing == 0 && (self.eval.trace.is_some() || self.eval.profile.is_some())
    }

    /// `sys.settrace`.
    pub fn set_trace(&mut self, function: Option<Value>) {
        let old = std::mem::replace(&mut self.eval.trace, function);
        drop(old);
        self.tracing_changed();
    }

    /// `sys.setprofile`.
    pub fn set_profile(&mut self, function: Option<Value>) {
        let old = std::mem::replace(&mut self.eval.profile, function);
        drop(old);
        self.tracing_changed();
    }

    fn tracing_changed(&mut self) {
        if self.eval.trace.is_some() || self.eval.profile.is_some() {
            self.interp.eval_breaker.fetch_or(breaker::TRACING, Ordering::AcqRel);
        } else {
            self.interp.eval_breaker.fetch_and(!breaker::TRACING, Ordering::AcqRel);
        }
    }

    /// Calls a tracing function with tracing off.
    fn call_tracer(&mut self, function: &Value, frame: &Py<FrameObject>, event: &str, arg: &Value) -> PyResult {
        let event = self.intern(event).into_value();
        self.eval.tracing += 1;
        let result = self.call(function, &[frame.to_value(), event, arg.clone()]);
        self.eval.tracing -= 1;
        result
    }

    /// Tells the tracing function of the frame (of the thread, for calls) of an event.
    fn trace_event(&mut self, frame: *mut Frame, event: &str, arg: &Value) -> PyResult<()> {
        if self.eval.tracing != 0 {
            return Ok(());
        }
        let Some(global) = self.eval.trace.clone() else { return Ok(()) };
        // SAFETY: the frame runs.
        let object = unsafe { frame_object_of(self, frame)? };
        let function = if event == "call" { Some(global) } else { object.trace.load(self) };
        let Some(function) = function else { return Ok(()) };
        match self.call_tracer(&function, &object, event, arg) {
            Ok(result) => {
                if !result.is_none() {
                    let old = object.trace.replace(self, Some(result));
                    drop(old);
                }
                Ok(())
            }
            Err(e) => {
                self.set_trace(None);
                let old = object.trace.replace(self, None);
                drop(old);
                Err(e)
            }
        }
    }

    /// Tells the profiling function of an event.
    fn profile_event(&mut self, frame: *mut Frame, event: &str, arg: &Value) -> PyResult<()> {
        if self.eval.tracing != 0 {
            return Ok(());
        }
        let Some(function) = self.eval.profile.clone() else { return Ok(()) };
        // SAFETY: the frame runs.
        let object = unsafe { frame_object_of(self, frame)? };
        match self.call_tracer(&function, &object, event, arg) {
            Ok(_) => Ok(()),
            Err(e) => {
                self.set_profile(None);
                Err(e)
            }
        }
    }
}

/// Before the instruction in front of the frame's `ip`: call, line and opcode events.
pub(super) fn before(vm: &mut Vm, frame: *mut Frame, opcode: u16) -> PyResult<()> {
    if !vm.is_tracing() {
        return Ok(());
    }
    if opcode == op::RESUME || opcode == op::RESUME_CHECK {
        vm.trace_event(frame, "call", &Value::none())?;
        return vm.profile_event(frame, "call", &Value::none());
    }
    // SAFETY: the frame runs.
    let (unit, object) = unsafe {
        let Some(object) = (*frame).frame_obj.clone() else { return Ok(()) };
        (Frame::lasti(frame), object)
    };
    if object.trace.get(vm).is_none() {
        return Ok(());
    }
    // SAFETY: as above.
    let line = unsafe { (*frame).code.line_of(unit) };
    let (last_line, last_unit) = (object.traced_line.get(), object.traced_unit.replace(unit));
    if let Some(line) = line {
        // A jump backwards counts as a new line, but not in the loops around `await` and `yield from`.
        let backward = unit < last_unit && !matches!(opcode, op::SEND | op::SEND_GEN | op::JUMP_BACKWARD_NO_INTERRUPT);
        object.traced_line.set(line);
        if object.trace_lines.get() && (line != last_line || backward) {
            vm.trace_event(frame, "line", &Value::none())?;
        }
    }
    if object.trace_opcodes.get() {
        vm.trace_event(frame, "opcode", &Value::none())?;
    }
    Ok(())
}

/// A frame returns or yields.
pub(super) fn returning(vm: &mut Vm, frame: *mut Frame, value: &Value) -> PyResult<()> {
    if !vm.is_tracing() {
        return Ok(());
    }
    vm.trace_event(frame, "return", value)?;
    vm.profile_event(frame, "return", value)
}

/// An exception was raised in a frame, or has come up to it. What is raised now.
pub(super) fn raising(vm: &mut Vm, frame: *mut Frame, raised: Raised) -> Raised {
    if !vm.is_tracing() || vm.eval.trace.is_none() {
        return raised;
    }
    let exception = raised.exception().to_value();
    let tb = raised.exception().traceback.load(vm).unwrap_or_else(Value::none);
    let arg = match vm.new_tuple([exception.ty().to_value(), exception, tb]) {
        Ok(arg) => arg.into_value(),
        Err(e) => return e,
    };
    match vm.trace_event(frame, "exception", &arg) {
        Ok(()) => raised,
        Err(e) => e,
    }
}

/// An exception leaves a frame. What leaves it now.
pub(super) fn unwinding(vm: &mut Vm, frame: *mut Frame, raised: Raised) -> Raised {
    match returning(vm, frame, &Value::none()) {
        Ok(()) => raised,
        Err(e) => e,
    }
}

/// Whether the profiling function hears of calls of `callable`: native functions and methods.
pub(super) fn profiled_call(vm: &Vm, opcode: u16, callable: Option<&Value>) -> Option<Value> {
    if vm.eval.profile.is_none() || vm.eval.tracing != 0 {
        return None;
    }
    let is_call = matches!(opcode, op::CALL | op::CALL_KW | op::CALL_BUILTIN_FAST | op::CALL_METHOD_DESCRIPTOR_FAST | op::CALL_LEN | op::CALL_ISINSTANCE | op::CALL_LIST_APPEND);
    callable.filter(|c| is_call && (c.is_exact::<BuiltinFunction>() || c.is_exact::<MethodDescr>())).cloned()
}

/// A native call begins or has ended: `c_call`, `c_return`, `c_exception`.
pub(super) fn native_call(vm: &mut Vm, frame: *mut Frame, event: &str, callable: &Value) -> PyResult<()> {
    vm.profile_event(frame, event, callable)
}
