//! `frame` objects, made only when somebody asks for them.
//!
//! While the frame lives, the object points at it; when the frame ends and the object is still referred to, it takes the frame's
//! contents over (see `eval::frame`). `f_locals` of a function is a write-through proxy (PEP 667).
#![allow(unsafe_code, reason = "looks into raw frames")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

use crate::eval::frame::{Frame, Owner, complete, drop_frame, frame_object_of};
use crate::types::code::CodeObject;
use crate::types::dict::Dict;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use krait_heap::{Clear, Traverse, Visit};
use std::cell::Cell;

/// The payload of `frame`.
#[pyclass(name = "frame", managed, custom_traverse)]
pub struct FrameObject {
    /// The frame; null when it is gone for good.
    pub frame: Cell<*mut Frame>,
    /// The frame's memory, once it is the object's own.
    pub memory: GilCell<Option<Box<[u64]>>>,
    /// `f_back` of a finished frame.
    pub back: GilCell<Option<Py<FrameObject>>>,
    pub trace: GilCell<Option<Value>>,
    pub trace_lines: Cell<bool>,
    pub trace_opcodes: Cell<bool>,
    /// The line being traced; 0 when none is.
    pub lineno: Cell<i32>,
    /// Locals under names that the code does not know (`f_locals['x'] = ...`).
    pub extra_locals: GilCell<Option<Py<Dict>>>,
}

impl FrameObject {
    /// An object for a live frame.
    pub fn new(frame: *mut Frame) -> FrameObject {
        FrameObject {
            frame: Cell::new(frame),
            memory: GilCell::new(None),
            back: GilCell::new(None),
            trace: GilCell::new(None),
            trace_lines: Cell::new(true),
            trace_opcodes: Cell::new(false),
            lineno: Cell::new(0),
            extra_locals: GilCell::new(None),
        }
    }

    /// The frame, while there is one.
    pub fn live(&self) -> Option<*mut Frame> {
        let frame = self.frame.get();
        (!frame.is_null()).then_some(frame)
    }

    /// Whether the frame has finished and belongs to this object.
    fn owned(&self) -> Option<*mut Frame> {
        // SAFETY: a frame that is set is alive.
        self.live().filter(|f| unsafe { (**f).owner == Owner::FrameObject && !(**f).cleared })
    }

    /// The code object.
    pub fn code(&self) -> Option<Py<CodeObject>> {
        // SAFETY: a frame that is set is alive.
        self.live().map(|f| unsafe { (*f).code.clone() })
    }

    /// Offset of the instruction that runs, in bytes; -1 before the first one.
    pub fn lasti(&self) -> i32 {
        // SAFETY: a frame that is set is alive.
        let lasti = self.live().map_or(-1, |f| unsafe { Frame::lasti(f) }.saturating_mul(2).max(-1));
        i32::try_from(lasti).unwrap_or(i32::MAX)
    }

    /// The line that runs.
    pub fn line(&self) -> Option<i32> {
        if self.lineno.get() != 0 {
            return Some(self.lineno.get());
        }
        // SAFETY: a frame that is set is alive.
        self.live().and_then(|f| unsafe { (*f).code.line_of(Frame::lasti(f)) })
    }

    fn watch_opcodes(&self, on: bool, vm: &mut Vm) -> PyResult<()> {
        match self.code() {
            Some(code) => crate::eval::instrument::set_opcode_trace(vm, &code, on),
            None => Ok(()),
        }
    }

    /// The calling frame.
    pub fn back(&self, vm: &mut Vm) -> PyResult<Option<Py<FrameObject>>> {
        let Some(frame) = self.live() else { return Ok(None) };
        // SAFETY: a frame that is set is alive, and so are those below.
        unsafe {
            if (*frame).owner == Owner::FrameObject {
                return Ok(self.back.load(vm));
            }
            let back = complete((*frame).previous);
            if back.is_null() { Ok(None) } else { frame_object_of(vm, back).map(Some) }
        }
    }
}

impl Drop for FrameObject {
    fn drop(&mut self) {
        if let Some(frame) = self.owned() {
            // SAFETY: the frame belongs to this object alone.
            unsafe { drop_frame(frame) };
        }
    }
}

impl Traverse for FrameObject {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.back.traverse(visit);
        self.trace.traverse(visit);
        self.extra_locals.traverse(visit);
        if let Some(frame) = self.owned() {
            // SAFETY: the frame is alive and nobody runs it.
            unsafe {
                visit((*frame).code.as_value());
                visit((*frame).func.as_value());
                (*frame).locals.iter().for_each(&mut *visit);
                let end = (*frame).sp.offset_from(Frame::slots(frame)).max(0) as usize;
                std::slice::from_raw_parts(Frame::slots(frame), end).iter().flatten().for_each(visit);
            }
        }
    }

    fn clear(&mut self, out: &mut Clear) {
        self.trace.clear(out);
        self.back.clear(out);
        self.extra_locals.clear(out);
        if let Some(frame) = self.owned() {
            // SAFETY: as above.
            unsafe {
                out.extend((*frame).locals.take());
                Frame::locals_slice(frame).iter_mut().for_each(|s| out.extend(s.take()));
            }
        }
    }
}

fn gone(vm: &mut Vm) -> crate::Raised {
    vm.runtime_error("the frame is gone")
}

#[pymethods]
impl FrameObject {
    /// The code object that runs in the frame.
    #[getter]
    fn f_code(&self, vm: &mut Vm) -> PyResult<Py<CodeObject>> {
        self.code().ok_or_else(|| gone(vm))
    }

    /// The calling frame, or None.
    #[getter]
    fn f_back(&self, vm: &mut Vm) -> PyResult<Option<Py<FrameObject>>> {
        self.back(vm)
    }

    /// The global variables seen by the frame.
    #[getter]
    fn f_globals(&self, vm: &mut Vm) -> PyResult<Py<Dict>> {
        // SAFETY: a frame that is set is alive.
        self.live().map(|f| unsafe { (*f).func.globals.clone() }).ok_or_else(|| gone(vm))
    }

    /// The namespace of builtins seen by the frame.
    #[getter]
    fn f_builtins(&self, vm: &mut Vm) -> PyResult {
        // SAFETY: a frame that is set is alive.
        self.live().map(|f| unsafe { (*f).func.builtins.clone() }).ok_or_else(|| gone(vm))
    }

    /// Offset of the last instruction that was tried.
    #[getter]
    fn f_lasti(&self) -> i64 {
        // SAFETY: a frame that is set is alive.
        self.live().map_or(-1, |f| unsafe { Frame::lasti(f) }.saturating_mul(2).max(-1))
    }

    /// The mapping of local names to values.
    #[getter]
    fn f_locals(zelf: &Py<FrameObject>, vm: &mut Vm) -> PyResult {
        let Some(frame) = zelf.live() else { return Err(gone(vm)) };
        // SAFETY: a frame that is set is alive.
        let (proxy, locals) = unsafe {
            let optimized = (*frame).code.has(krait_bytecode::code::co::OPTIMIZED);
            (optimized || crate::types::frame_locals::has_hidden_locals(frame), (*frame).locals.clone())
        };
        match locals {
            Some(locals) if !proxy => Ok(locals),
            _ => crate::types::frame_locals::new_proxy(vm, zelf),
        }
    }

    /// The line that runs.
    #[getter]
    fn f_lineno(&self) -> Option<i32> {
        self.line()
    }

    #[setter]
    fn set_f_lineno(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        crate::eval::lineno::set_lineno(vm, self, value)
    }

    /// The tracing function of this frame, or None.
    #[getter]
    fn f_trace(&self, vm: &mut Vm) -> Value {
        self.trace.load(vm).unwrap_or_else(Value::none)
    }

    #[setter]
    fn set_f_trace(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let new = value.filter(|v| !v.is_none()).cloned();
        let watched = new.is_some() && self.trace_opcodes.get();
        let old = self.trace.replace(vm, new);
        drop(old);
        if watched { self.watch_opcodes(true, vm) } else { Ok(()) }
    }

    /// Whether the tracing function is called for every line.
    #[getter(member)]
    fn f_trace_lines(&self) -> bool {
        self.trace_lines.get()
    }

    #[setter]
    fn set_f_trace_lines(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        set_flag(vm, &self.trace_lines, value)
    }

    /// Whether the tracing function is called for every instruction.
    #[getter]
    fn f_trace_opcodes(&self) -> bool {
        self.trace_opcodes.get()
    }

    #[setter]
    fn set_f_trace_opcodes(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        if value.is_none() {
            return Err(vm.attribute_error("attribute 'f_trace_opcodes' of 'frame' objects cannot be deleted"));
        }
        set_flag(vm, &self.trace_opcodes, value)?;
        let on = self.trace_opcodes.get();
        if on && self.trace.get(vm).is_none() { Ok(()) } else { self.watch_opcodes(on, vm) }
    }

    /// The generator or coroutine that owns the frame, or None.
    #[getter]
    fn f_generator(&self, vm: &mut Vm) -> Value {
        // SAFETY: a frame that is set is alive.
        match self.live().filter(|f| unsafe { (**f).owner == Owner::Generator }) {
            Some(frame) => crate::types::generator::owner_of(vm, frame),
            None => Value::none(),
        }
    }

    /// Clear all references held by the frame.
    #[method]
    fn clear(&self, vm: &mut Vm) -> PyResult<()> {
        let Some(frame) = self.live() else { return Ok(()) };
        // SAFETY: a frame that is set is alive.
        unsafe {
            match (*frame).owner {
                Owner::Thread => return Err(vm.runtime_error("cannot clear an executing frame")),
                Owner::Generator => return crate::types::generator::clear_from_frame(vm, frame),
                Owner::FrameObject => {}
            }
            let mut dropped = Vec::new();
            for slot in Frame::locals_slice(frame) {
                dropped.extend(slot.take());
            }
            drop(dropped);
        }
        Ok(())
    }

    #[method(name = "__sizeof__")]
    fn sizeof(&self) -> usize {
        // SAFETY: a frame that is set is alive.
        64 + self.live().map_or(0, |f| unsafe { Frame::size_of(&(*f).code) })
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<FrameObject>, vm: &mut Vm) -> PyResult {
        let Some(code) = zelf.code() else { return Err(gone(vm)) };
        let file = code.filename.load(vm);
        let file = vm.repr(file.as_value())?;
        let line = zelf.line().map_or_else(|| "None".to_owned(), |l| l.to_string());
        let text = format!("<frame at {:#x}, file {}, line {line}, code {}>", zelf.as_value().bits(), file.to_string_lossy(), code.name.to_string_lossy());
        Ok(vm.new_str(&text)?.into_value())
    }
}

fn set_flag(vm: &mut Vm, flag: &Cell<bool>, value: Option<&Value>) -> PyResult<()> {
    match value {
        None => Err(vm.type_error("can't delete numeric/char attribute")),
        Some(v) if v.is_true() || v.is_false() => {
            flag.set(v.is_true());
            Ok(())
        }
        Some(_) => Err(vm.type_error("attribute value type must be bool")),
    }
}
