//! The evaluator: frames, the dispatch loop, calls, unwinding, specialization.
//!
//! - `frame`: the memory of frames and the data stack; `call`: binding arguments, making frames; `dispatch`: how instructions follow each other;
//!   `fast`: the handlers of the quick instructions; `slow`: all others, and the general forms of those;
//!   `unwind`: exceptions on their way through frames; `ops`: the bodies of instructions by family; `specialize`: inline caches.
#![allow(unsafe_code, reason = "the evaluator's state holds raw frames")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

use crate::types::code::CodeObject;
use crate::types::dict::Dict;
use crate::types::exceptions::BaseException;
use crate::types::frame::FrameObject;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Raised, Value, Vm};
use std::sync::atomic::{AtomicU32, Ordering};

pub mod call;
pub mod frame;
pub mod gil;
pub mod instrument;
pub mod ops;
pub mod bridges;
mod dispatch;
mod fast;
pub(crate) mod lineno;
mod slow;
pub mod specialize;
pub mod suggestions;
mod unwind;

pub(crate) use dispatch::run;

use frame::{DataStack, Frame, Slot};

/// Bits of [`crate::vm::Interpreter::eval_breaker`].
pub mod breaker {
    /// Another thread wants the GIL.
    pub const GIL_REQUEST: u32 = 1;
    /// A signal has come in; only the main thread handles it.
    pub const SIGNALS: u32 = 2;
    /// `Py_AddPendingCall` and the like.
    pub const PENDING_CALLS: u32 = 4;
    /// An exception waits for some thread (`PyThreadState_SetAsyncExc`).
    pub const ASYNC_EXC: u32 = 8;
    /// Some tool listens to events everywhere.
    pub const MONITORING: u32 = 16;
    /// Steps are counted (`limits`); set as long as they are.
    pub const LIMITS: u32 = 32;
    /// Another process asks for a script to be run ([`crate::sys::remote`]); alone in the top byte, which that process writes.
    pub const REMOTE: u32 = 1 << 31;
}

/// What the evaluator keeps for one thread.
pub struct ThreadState {
    /// The frame that runs; null outside of Python code.
    pub(crate) frame: *mut Frame,
    pub(crate) stack: DataStack,
    /// The frame to be entered, between `slow` and the dispatch loop.
    pub(crate) entering: *mut Frame,
    /// A collection runs.
    pub(crate) collecting: bool,
    /// The exception to be raised, likewise.
    pub(crate) raised: Option<Raised>,
    /// What the entry frame has returned or yielded, likewise.
    pub(crate) result: Option<Value>,
    /// Words that a handler leaves to the one that goes on for it.
    pub(crate) stash: [i64; 2],
    /// Native stack that dispatch may reach.
    pub(crate) floor: usize,
    /// How many frames run.
    pub(crate) depth: u32,
    /// The exceptions being handled: one entry for the thread and one for each generator that runs.
    pub(crate) handled: Vec<Slot>,
    /// The running `contextvars.Context`.
    pub context: Option<Value>,
    /// `sys.set_asyncgen_hooks`.
    pub asyncgen_firstiter: Option<Value>,
    pub asyncgen_finalizer: Option<Value>,
    /// `sys.set_coroutine_origin_tracking_depth`.
    pub coroutine_origin_depth: u32,
    /// `sys.settrace` and `sys.setprofile`.
    pub trace: Option<Value>,
    pub profile: Option<Value>,
    /// Inside callbacks of tools.
    pub tracing: u32,
    /// The event whose callback runs, -1 for none.
    pub monitored_event: i8,
    /// The version of `Monitoring` up to which this thread's frames were instrumented.
    pub(crate) monitoring_version: u32,
    /// The jump taken last in instrumented code.
    pub(crate) jump: instrument::Jump,
    /// The instruction to be done in place of an instrumented one.
    pub(crate) base_opcode: u16,
    /// The functions set for all threads that this one has taken over.
    pub(crate) adopted: (u32, u32),
    /// An exception that another thread wants raised here.
    pub async_exc: Option<Value>,
    /// What other threads see of this one.
    pub(crate) place: std::rc::Rc<gil::Place>,
    /// `threading.get_ident()`.
    pub thread_id: u64,
    /// This is the interpreter's main thread.
    pub is_main: bool,
}

impl ThreadState {
    pub fn new() -> ThreadState {
        ThreadState {
            frame: std::ptr::null_mut(),
            stack: DataStack::new(),
            entering: std::ptr::null_mut(),
            raised: None,
            result: None,
            stash: [0; 2],
            floor: 0,
            collecting: false,
            depth: 0,
            handled: vec![None],
            context: None,
            asyncgen_firstiter: None,
            asyncgen_finalizer: None,
            coroutine_origin_depth: 0,
            trace: None,
            profile: None,
            tracing: 0,
            monitored_event: -1,
            monitoring_version: 0,
            jump: instrument::Jump::NONE,
            base_opcode: 0,
            adopted: (0, 0),
            async_exc: None,
            place: gil::Place::new(),
            thread_id: 0,
            is_main: true,
        }
    }

    /// Leaves an exception to be raised.
    #[inline(never)]
    pub(crate) fn set_raised(&mut self, e: Raised) {
        self.raised = Some(e);
    }
}

impl Default for ThreadState {
    fn default() -> Self {
        Self::new()
    }
}

impl Vm {
    /// Runs module, class or `exec` code. Without `locals` the globals are the locals.
    pub fn run_code(&mut self, code: &Py<CodeObject>, globals: &Py<Dict>, locals: Option<&Value>) -> PyResult {
        self.run_code_with(code, globals, locals, None, None)
    }

    /// The same with builtins and closure given.
    pub fn run_code_with(
        &mut self,
        code: &Py<CodeObject>,
        globals: &Py<Dict>,
        locals: Option<&Value>,
        builtins: Option<Value>,
        closure: Option<Py<Tuple>>,
    ) -> PyResult {
        let builtins = match builtins {
            Some(b) => b,
            None => self.builtins_of(globals),
        };
        let function = self.new_function_with(code, globals, builtins)?;
        function.closure.replace(self, closure);
        let locals = match locals {
            Some(l) => l.clone(),
            None => globals.to_value(),
        };
        let frame = self.new_frame(function, code.clone(), Some(locals))?;
        call::run_new_frame(self, frame)
    }

    /// The exception that is being handled (`sys.exception()`).
    pub fn handled_exception(&self) -> Option<Py<BaseException>> {
        let top = self.eval.handled.iter().rev().flatten().find(|e| !e.is_none())?;
        top.downcast::<BaseException>().cloned()
    }

    /// Replaces the exception that is being handled, for native code that runs Python code in a handler.
    pub fn set_handled_exception(&mut self, exception: Option<Py<BaseException>>) -> Option<Py<BaseException>> {
        let slot = self.eval.handled.last_mut()?;
        let old = std::mem::replace(slot, exception.map(Py::into_value));
        old.and_then(|v| v.into_py::<BaseException>().ok())
    }

    /// Sets `__context__` of an exception that is being raised to the one that is being handled, breaking cycles (`_PyErr_SetObject`).
    pub fn chain_context(&mut self, exception: &Py<BaseException>) {
        let Some(handled) = self.handled_exception() else { return };
        self.chain_context_to(exception, handled);
    }

    /// The same for a given handled exception.
    pub fn chain_context_to(&mut self, exception: &Py<BaseException>, handled: Py<BaseException>) {
        if handled.is(exception) {
            return;
        }
        // Cut the chain where it would come back to `exception`; Floyd's hare and tortoise for chains that are cyclic already.
        let mut at = handled.clone();
        let mut slow = handled.clone();
        let mut advance = false;
        loop {
            let next = at.context.get(self).as_ref().and_then(|c| c.downcast::<BaseException>().cloned());
            let Some(next) = next else { break };
            if next.is(exception) {
                let old = at.context.replace(self, None);
                drop(old);
                break;
            }
            at = next;
            if at.is(&slow) {
                break;
            }
            if advance {
                let next = slow.context.get(self).as_ref().and_then(|c| c.downcast::<BaseException>().cloned());
                if let Some(next) = next {
                    slow = next;
                }
            }
            advance = !advance;
        }
        let old = exception.context.replace(self, Some(handled.into_value()));
        drop(old);
    }

    /// The frame object `depth` calls up (`sys._getframe`).
    pub fn frame_object(&mut self, depth: usize) -> PyResult<Option<Py<FrameObject>>> {
        let mut at = self.top_frame();
        for _ in 0..depth {
            if at.is_null() {
                return Ok(None);
            }
            // SAFETY: linked frames are alive.
            at = frame::complete(unsafe { (*at).previous });
        }
        if at.is_null() {
            return Ok(None);
        }
        // SAFETY: linked frames are alive.
        unsafe { frame::frame_object_of(self, at).map(Some) }
    }

    /// The code object that runs `depth` calls up.
    pub fn frame_code(&self, depth: usize) -> Option<Py<CodeObject>> {
        let at = self.frame_at(depth)?;
        // SAFETY: linked frames are alive.
        Some(unsafe { (*at).code.clone() })
    }

    /// The function that runs `depth` calls up.
    pub fn frame_function(&self, depth: usize) -> Option<Py<crate::types::pyfunction::Function>> {
        let at = self.frame_at(depth)?;
        // SAFETY: linked frames are alive.
        Some(unsafe { (*at).func.clone() })
    }

    /// The line that runs `depth` calls up.
    pub fn frame_line(&self, depth: usize) -> Option<i32> {
        let at = self.frame_at(depth)?;
        // SAFETY: linked frames are alive.
        unsafe { (*at).code.line_of(Frame::lasti(at)) }
    }

    pub(crate) fn frame_at(&self, depth: usize) -> Option<*mut Frame> {
        let mut at = self.top_frame();
        for _ in 0..depth {
            if at.is_null() {
                return None;
            }
            // SAFETY: linked frames are alive.
            at = frame::complete(unsafe { (*at).previous });
        }
        (!at.is_null()).then_some(at)
    }

    /// `globals()`.
    pub fn current_globals(&self) -> Option<Py<Dict>> {
        // SAFETY: linked frames are alive.
        self.frame_at(0).map(|f| unsafe { (*f).func.globals.clone() })
    }

    /// The builtins of the code that runs.
    pub fn current_builtins(&self) -> Option<Value> {
        // SAFETY: linked frames are alive.
        self.frame_at(0).map(|f| unsafe { (*f).func.builtins.clone() })
    }

    /// `locals()`: the namespace of module and class code, a fresh dict in functions.
    pub fn current_locals(&mut self) -> PyResult<Option<Value>> {
        let Some(frame) = self.frame_at(0) else { return Ok(None) };
        // SAFETY: linked frames are alive.
        unsafe { crate::types::frame_locals::frame_locals(self, frame).map(Some) }
    }

    /// What `super()` without arguments works with: the `__class__` cell's contents and the first argument, or RuntimeError.
    pub fn super_arguments(&mut self) -> PyResult<(Value, Value)> {
        let Some(frame) = self.frame_at(0) else { return Err(self.runtime_error("super(): no current frame")) };
        // SAFETY: linked frames are alive.
        let (code, slots) = unsafe { ((*frame).code.clone(), Frame::locals_slice(frame)) };
        if code.argcount == 0 {
            return Err(self.runtime_error("super(): no arguments"));
        }
        let first = slots.first().cloned().flatten();
        let is_cell = code.kinds.first().is_some_and(|k| k & krait_bytecode::code::fast::CELL != 0);
        let first = match first {
            Some(v) if is_cell && v.is_exact::<crate::types::cell::PyCell>() => v.downcast_exact::<crate::types::cell::PyCell>().and_then(|c| c.value.load(self)),
            other => other,
        };
        let Some(first) = first else { return Err(self.runtime_error("super(): arg[0] deleted")) };
        for (i, kind) in code.kinds.iter().enumerate() {
            let named = code.local_name(i).is_some_and(|n| n.is(n!(__class__)));
            if kind & krait_bytecode::code::fast::FREE == 0 || !named {
                continue;
            }
            let cell = slots.get(i).cloned().flatten();
            let Some(cell) = cell.and_then(|c| c.into_py::<crate::types::cell::PyCell>().ok()) else {
                return Err(self.runtime_error("super(): bad __class__ cell"));
            };
            return match cell.value.load(self) {
                None => Err(self.runtime_error("super(): empty __class__ cell")),
                Some(class) if class.is::<crate::types::type_::PyType>() => Ok((class, first)),
                Some(other) => {
                    let got = other.type_name();
                    Err(self.runtime_error(format!("super(): __class__ is not a type ({got})")))
                }
            };
        }
        Err(self.runtime_error("super(): __class__ cell not found"))
    }

    /// Runs what waits: finalizers, callbacks, the collector.
    #[cold]
    #[inline(never)]
    pub(crate) fn run_wakeup(&mut self) {
        self.run_pending();
        if let Some(generation) = krait_heap::gc::due() {
            self.collect_due(generation);
        }
    }

    pub fn collect_due(&mut self, generation: usize) {
        // `gc.callbacks` run Python code, which must not start another collection.
        if self.eval.collecting {
            return;
        }
        if let Some(collect) = self.interp.collector.get() {
            self.eval.collecting = true;
            collect(self, generation);
            self.eval.collecting = false;
        }
    }

    /// Looks at the eval breaker's bits.
    #[cold]
    #[inline(never)]
    pub fn handle_breaker(&mut self) -> PyResult<()> {
        let bits = self.interp.eval_breaker.load(Ordering::Acquire);
        if bits & breaker::LIMITS != 0 {
            self.charge()?;
        }
        if bits & breaker::GIL_REQUEST != 0 {
            self.yield_gil();
        }
        if bits & breaker::SIGNALS != 0 && self.eval.is_main {
            self.interp.eval_breaker.fetch_and(!breaker::SIGNALS, Ordering::AcqRel);
            let handler = self.interp.signal_handler.get();
            if let Some(handler) = handler {
                handler(self)?;
            }
        }
        if bits & breaker::PENDING_CALLS != 0 && self.eval.is_main {
            self.interp.eval_breaker.fetch_and(!breaker::PENDING_CALLS, Ordering::AcqRel);
            let handler = self.interp.pending_calls.get();
            if let Some(handler) = handler {
                handler(self)?;
            }
        }
        if bits & breaker::REMOTE != 0 && self.eval.is_main {
            self.interp.eval_breaker.fetch_and(!breaker::REMOTE, Ordering::AcqRel);
            crate::sys::remote::run_pending(self);
        }
        if bits & breaker::MONITORING != 0 {
            instrument::catch_up(self)?;
        }
        if let Some(exception) = self.eval.async_exc.take() {
            return Err(unwind::raise_value(self, &exception));
        }
        Ok(())
    }
}

/// Sets a bit of an interpreter's eval breaker; may be called from a signal handler or another thread.
pub fn request(eval_breaker: &AtomicU32, bit: u32) {
    eval_breaker.fetch_or(bit, Ordering::AcqRel);
}

/// Emits a DeprecationWarning through the `warnings` machinery.
pub(crate) fn warn_deprecated(vm: &mut Vm, message: &str) -> PyResult<()> {
    ops::warn(vm, "DeprecationWarning", message, 1)
}

/// Raises the builtin exception class of a name, for classes that have no payload of their own here.
#[cold]
pub(crate) fn raise_builtin(vm: &mut Vm, class: &str, message: &str) -> Raised {
    let found = match vm.interp.builtins.load(vm) {
        Some(dict) => {
            let name = vm.intern(class);
            dict.get_str(vm, &name).cloned()
        }
        None => None,
    };
    let message = match vm.new_str(message) {
        Ok(m) => m.into_value(),
        Err(e) => return e,
    };
    match found {
        Some(class) => match vm.call(&class, &[message]) {
            Ok(exception) => vm.raise_object(exception),
            Err(e) => e,
        },
        None => vm.system_error(format!("{class} is not there yet")),
    }
}
