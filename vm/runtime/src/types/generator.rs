//! `generator` and `coroutine`, and what asynchronous generators share with them: a frame in the object's own tail.
//!
//! Invariants: the payload of all three begins with a [`GenState`], which is all of it, and the frame stands right behind. The frame is live
//! unless `state` is `CLEARED`. While `state` is `EXECUTING` the frame is linked into its thread's frames and is not traversed: whatever it
//! refers to counts as reachable.
#![allow(unsafe_code, reason = "owns raw frames")]

use crate::eval::frame::{Frame, Owner, Slot, clear_frame, drop_frame};
use crate::eval::{ops, run};
use crate::types::asyncgen::AsyncGenerator;
pub use crate::types::asyncgen::new_anext_awaitable;
use crate::types::code::CodeObject;
use crate::types::exceptions::{BaseException, StopIteration};
use crate::types::slots::SendResult;
use crate::types::str_::Str;
use crate::types::traceback::Traceback;
use crate::types::value::ValueExt;
use crate::{Args, GilCell, Py, PyResult, Raised, Value, Vm, pyclass, pymethods};
use krait_bytecode::Opcode;
use krait_bytecode::code::co;
use krait_bytecode::opcode::resume;
use krait_heap::{Clear, ObjectFlags, Traverse, Visit};
use std::cell::Cell;

/// Values of [`GenState::state`].
pub mod state {
    pub const CREATED: i8 = -3;
    pub const SUSPENDED: i8 = -2;
    /// Suspended in `yield from` or `await`.
    pub const SUSPENDED_YIELD_FROM: i8 = -1;
    pub const EXECUTING: i8 = 0;
    pub const CLEARED: i8 = 4;
}

/// The payload of generators, coroutines and asynchronous generators.
#[repr(C)]
pub struct GenState {
    pub name: GilCell<Py<Str>>,
    pub qualname: GilCell<Py<Str>>,
    pub code: Py<CodeObject>,
    /// The exception that the suspended frame was handling.
    pub handled: GilCell<Slot>,
    /// `cr_origin`, or the finalizer hook of an asynchronous generator.
    pub extra: GilCell<Option<Value>>,
    pub state: Cell<i8>,
    pub hooks_inited: Cell<bool>,
    pub closed: Cell<bool>,
    pub running_async: Cell<bool>,
}

impl GenState {
    /// The frame.
    #[inline(always)]
    pub fn frame(&self) -> *mut Frame {
        std::ptr::from_ref(self).wrapping_add(1).cast_mut().cast()
    }

    /// Whether the frame is gone.
    #[inline(always)]
    pub fn is_finished(&self) -> bool {
        self.state.get() > state::EXECUTING
    }

    fn is_suspended(&self) -> bool {
        matches!(self.state.get(), state::SUSPENDED | state::SUSPENDED_YIELD_FROM)
    }

    /// What the frame is delegating to with `yield from` or `await`.
    pub fn yield_from(&self) -> Option<Value> {
        if self.state.get() != state::SUSPENDED_YIELD_FROM {
            return None;
        }
        let frame = self.frame();
        // SAFETY: a suspended frame is live, and its stack's top is what it delegates to.
        unsafe { if (*frame).sp > Frame::stack_base(frame) { (*(*frame).sp.sub(1)).clone() } else { None } }
    }
}

impl Drop for GenState {
    fn drop(&mut self) {
        if !self.is_finished() {
            self.state.set(state::CLEARED);
            let frame = self.frame();
            // SAFETY: the frame is live; an executing one keeps its generator alive, so this one is suspended.
            unsafe {
                if let Some(object) = (*frame).frame_obj.take() {
                    object.frame.set(std::ptr::null_mut());
                }
                drop_frame(frame);
            }
        }
    }
}

impl Traverse for GenState {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.name.traverse(visit);
        self.qualname.traverse(visit);
        visit(self.code.as_value());
        self.handled.traverse(visit);
        self.extra.traverse(visit);
        if self.state.get() < state::EXECUTING {
            let frame = self.frame();
            // SAFETY: a suspended frame is live and nobody runs it.
            unsafe {
                visit((*frame).code.as_value());
                visit((*frame).func.as_value());
                (*frame).locals.iter().for_each(&mut *visit);
                if let Some(object) = &(*frame).frame_obj {
                    visit(object.as_value());
                }
                let count = (*frame).sp.offset_from(Frame::slots(frame)).max(0) as usize;
                std::slice::from_raw_parts(Frame::slots(frame), count).iter().flatten().for_each(visit);
            }
        }
    }

    fn clear(&mut self, out: &mut Clear) {
        self.extra.clear(out);
        self.handled.clear(out);
        if self.state.get() < state::EXECUTING {
            self.state.set(state::CLEARED);
            let frame = self.frame();
            // SAFETY: as above; the head goes with the frame, the slots are moved out first.
            unsafe {
                let count = (*frame).sp.offset_from(Frame::slots(frame)).max(0) as usize;
                for i in 0..count {
                    out.extend((*Frame::slots(frame).add(i)).take());
                }
                if let Some(object) = (*frame).frame_obj.take() {
                    object.frame.set(std::ptr::null_mut());
                    out.push(object.into_value());
                }
                drop_frame(frame);
            }
        }
    }
}

/// The payload of `generator`.
#[pyclass(name = "generator", managed, tail)]
#[repr(C)]
pub struct Generator {
    pub state: GenState,
}

/// The payload of `coroutine`.
#[pyclass(name = "coroutine", managed, tail)]
#[repr(C)]
pub struct Coroutine {
    pub state: GenState,
}

/// The state of a generator, coroutine or asynchronous generator.
#[inline(always)]
pub fn state_of(value: &Value) -> Option<&GenState> {
    let core = value.header()?.type_ptr();
    if core == <Generator as krait_heap::Payload>::type_core() || core == <Coroutine as krait_heap::Payload>::type_core() || core == <AsyncGenerator as krait_heap::Payload>::type_core() {
        // SAFETY: the payloads of all three are a `GenState`.
        unsafe { Some(&*(value.bits() as *const u8).add(16).cast::<GenState>()) }
    } else {
        None
    }
}

/// The state that a generator's frame belongs to.
///
/// # Safety
/// `frame` is the frame of a generator.
#[inline(always)]
pub(crate) unsafe fn state_of_frame<'a>(frame: *mut Frame) -> &'a GenState {
    // SAFETY: the frame stands behind the state.
    unsafe { &*frame.cast::<GenState>().sub(1) }
}

/// The object that a generator's frame belongs to.
pub(crate) fn owner_of(_: &Vm, frame: *mut Frame) -> Value {
    // SAFETY: the header stands in front of the state.
    unsafe { Value::new_ref(&*frame.cast::<GenState>().sub(1).cast::<krait_heap::Header>().sub(1)) }
}

fn kind_name(zelf: &Value) -> &'static str {
    if zelf.is_exact::<Coroutine>() {
        "coroutine"
    } else if zelf.is_exact::<AsyncGenerator>() {
        "async generator"
    } else {
        "generator"
    }
}

/// RETURN_GENERATOR: moves the running frame, the topmost of the data stack, into a new generator.
///
/// # Safety
/// `frame` is the topmost frame, `ip` and `sp` are exact; on success it is gone.
pub(crate) unsafe fn from_frame(vm: &mut Vm, frame: *mut Frame) -> PyResult {
    // SAFETY: the caller's promise; the generator's tail has room for the whole frame.
    unsafe {
        let (code, func) = ((*frame).code.clone(), (*frame).func.clone());
        let size = Frame::size_of(&code);
        let payload = GenState {
            name: GilCell::new(func.name.load(vm)),
            qualname: GilCell::new(func.qualname.load(vm)),
            code: code.clone(),
            handled: GilCell::new(None),
            extra: GilCell::new(None),
            // Not `CREATED` before the frame is there.
            state: Cell::new(state::CLEARED),
            hooks_inited: Cell::new(false),
            closed: Cell::new(false),
            running_async: Cell::new(false),
        };
        let object = if code.has(co::COROUTINE) {
            let origin = coroutine_origin(vm)?;
            payload.extra.replace(vm, origin);
            vm.new_object_tail(Coroutine { state: payload }, size)?.into_value()
        } else if code.has(co::ASYNC_GENERATOR) {
            vm.new_object_tail(AsyncGenerator { state: payload }, size)?.into_value()
        } else {
            let made = vm.new_object_tail(Generator { state: payload }, size)?;
            // A generator that has not begun has nothing to finalize; see `resume`.
            made.header().set_flag(ObjectFlags::FINALIZED);
            made.into_value()
        };
        let Some(gen_state) = state_of(&object) else { return Err(vm.system_error("a generator without a state")) };
        let target = gen_state.frame();
        let used = (*frame).sp.cast::<u8>().offset_from(frame.cast::<u8>()) as usize;
        std::ptr::copy_nonoverlapping(frame.cast::<u8>(), target.cast::<u8>(), used);
        (*target).sp = target.cast::<u8>().add(used).cast();
        (*target).owner = Owner::Generator;
        (*target).previous = std::ptr::null_mut();
        if let Some(frame_object) = &(*target).frame_obj {
            frame_object.frame.set(target);
        }
        gen_state.state.set(state::CREATED);
        Ok(object)
    }
}

fn coroutine_origin(vm: &mut Vm) -> PyResult<Option<Value>> {
    let depth = vm.eval.coroutine_origin_depth as usize;
    if depth == 0 {
        return Ok(None);
    }
    let mut entries = Vec::new();
    // The coroutine's own frame has not begun, so the first one that has is the caller's.
    for i in 0..depth {
        let Some(code) = vm.frame_code(i) else { break };
        let line = vm.frame_line(i).map_or_else(Value::none, Value::from_i32);
        let filename = code.filename.load(vm).into_value();
        entries.push(vm.new_tuple([filename, line, code.name.to_value()])?.into_value());
    }
    Ok(Some(vm.new_tuple(entries)?.into_value()))
}

/// Ends a generator's frame, which has returned or raised: called by the evaluator.
///
/// # Safety
/// `frame` is a generator's frame that has run last, with `sp` exact.
pub(crate) unsafe fn finish_frame(vm: &mut Vm, frame: *mut Frame) {
    // SAFETY: the caller's promise.
    unsafe {
        let state = state_of_frame(frame);
        state.state.set(state::CLEARED);
        let header = &*frame.cast::<GenState>().sub(1).cast::<krait_heap::Header>().sub(1);
        header.set_flag(ObjectFlags::FINALIZED);
        let handled = vm.eval.handled.pop();
        (*frame).previous = std::ptr::null_mut();
        clear_frame(vm, frame);
        drop(handled);
    }
}

/// Makes a suspended generator's frame ready to run on top of the current one, with `value` as what `yield` gives.
///
/// # Safety
/// `state` is of a suspended generator; the frame is run next.
#[inline(always)]
pub(crate) unsafe fn resume_frame(vm: &mut Vm, state: &GenState, value: Value) -> *mut Frame {
    let frame = state.frame();
    // SAFETY: a suspended frame has room for the value.
    unsafe {
        (*frame).sp.write(Some(value));
        (*frame).sp = (*frame).sp.add(1);
        (*frame).previous = vm.eval.frame;
        // Once it has begun there is something to finalize, and that only once (PEP 442).
        if state.state.get() == state::CREATED {
            let header = &*frame.cast::<GenState>().sub(1).cast::<krait_heap::Header>().sub(1);
            header.clear_flag(ObjectFlags::FINALIZED);
        }
    }
    state.state.set(state::EXECUTING);
    let handled = state.handled.replace(vm, None);
    vm.eval.handled.push(handled);
    frame
}

/// YIELD_VALUE: puts a generator's frame to sleep.
///
/// # Safety
/// `frame` is the generator's frame that runs, `ip` and `sp` are exact.
#[inline(always)]
pub(crate) unsafe fn suspend_frame(vm: &mut Vm, frame: *mut Frame, oparg: u32) {
    // SAFETY: the caller's promise.
    unsafe {
        let state = state_of_frame(frame);
        state.state.set(if oparg & 1 != 0 { state::SUSPENDED_YIELD_FROM } else { state::SUSPENDED });
        let handled = vm.eval.handled.pop().flatten();
        drop(state.handled.replace(vm, handled));
        vm.eval.frame = (*frame).previous;
        (*frame).previous = std::ptr::null_mut();
    }
}

/// Runs a generator until it yields or returns. `throw` is raised where it stands.
pub fn send_ex(vm: &mut Vm, zelf: &Value, value: Option<&Value>, throw: Option<Raised>) -> PyResult<SendResult> {
    resume(vm, zelf, value, throw, false)
}

fn resume(vm: &mut Vm, zelf: &Value, value: Option<&Value>, throw: Option<Raised>, closing: bool) -> PyResult<SendResult> {
    let Some(gen_state) = state_of(zelf) else { return Err(vm.type_error("not a generator")) };
    match gen_state.state.get() {
        state::CREATED if throw.is_none() && value.is_some_and(|v| !v.is_none()) => {
            let kind = kind_name(zelf);
            return Err(vm.type_error(format!("can't send non-None value to a just-started {kind}")));
        }
        state::EXECUTING => {
            let kind = kind_name(zelf);
            return Err(vm.value_error(format!("{kind} already executing")));
        }
        s if s > state::EXECUTING => {
            if zelf.is_exact::<Coroutine>() && !closing {
                return Err(vm.runtime_error("cannot reuse already awaited coroutine"));
            }
            return match throw {
                Some(e) => Err(e),
                None => Ok(SendResult::Return(Value::none())),
            };
        }
        _ => {}
    }
    vm.check_stack(" while calling a Python object")?;
    crate::eval::call::enter(vm)?;
    let keep = zelf.clone();
    // SAFETY: the generator is suspended, as just checked.
    let frame = unsafe {
        let frame = resume_frame(vm, gen_state, value.cloned().unwrap_or_else(Value::none));
        (*frame).is_entry = true;
        frame
    };
    if let Some(e) = &throw {
        // What the generator itself is handling becomes the context, not what its caller handles.
        let exception = e.exception().clone();
        let own = vm.eval.handled.last().cloned().flatten().and_then(|h| h.into_py::<BaseException>().ok());
        if let Some(own) = own {
            vm.chain_context_to(&exception, own);
        }
    }
    let result = run(vm, frame, throw)?;
    let yielded = !gen_state.is_finished();
    drop(keep);
    Ok(if yielded { SendResult::Yield(result) } else { SendResult::Return(result) })
}

/// StopIteration with a value.
pub fn stop_iteration(vm: &mut Vm, value: Value) -> Raised {
    let args = if value.is_none() { Vec::new() } else { vec![value.clone()] };
    let made = vm.new_tuple(args).and_then(|args| vm.new_object(StopIteration::from(BaseException::new(args))));
    match made {
        Ok(e) => {
            e.value.replace(vm, Some(value));
            vm.raise_object(e.into_value())
        }
        Err(e) => e,
    }
}

/// The value of a StopIteration; other exceptions come back.
pub fn stop_value(vm: &Vm, raised: Raised) -> PyResult {
    match raised.exception().as_value().downcast::<StopIteration>() {
        Some(stop) => Ok(stop.value.load(vm).unwrap_or_else(Value::none)),
        None => Err(raised),
    }
}

/// What `send()` gives its caller: the value yielded, or StopIteration (StopAsyncIteration for asynchronous generators).
pub fn send_result(vm: &mut Vm, zelf: &Value, result: SendResult) -> PyResult {
    match result {
        SendResult::Yield(value) => Ok(value),
        SendResult::Return(_) if zelf.is_exact::<AsyncGenerator>() => Err(vm.raise_with::<crate::types::exceptions::StopAsyncIteration>(Vec::new())),
        SendResult::Return(value) => Err(stop_iteration(vm, value)),
    }
}

/// Whether `raised` is of the builtin exception class called `name`, for classes that have no payload of their own.
pub fn is_builtin(vm: &mut Vm, raised: &Raised, name: &str) -> bool {
    let key = vm.intern(name);
    let class = vm.interp.builtins.load(vm).and_then(|b| b.get_str(vm, &key).cloned());
    class.is_some_and(|c| ops::exceptions::is_instance(vm, raised.exception().as_value(), &c))
}

/// GeneratorExit.
pub fn generator_exit(vm: &mut Vm) -> Raised {
    let key = vm.intern("GeneratorExit");
    let class = vm.interp.builtins.load(vm).and_then(|b| b.get_str(vm, &key).cloned());
    match class {
        Some(class) => match vm.call(&class, &[]) {
            Ok(e) => vm.raise_object(e),
            Err(e) => e,
        },
        None => vm.system_error("GeneratorExit is not there yet"),
    }
}

/// Closes what a generator delegates to.
fn close_delegate(vm: &mut Vm, delegate: &Value) -> PyResult<()> {
    if delegate.is_exact::<Generator>() || delegate.is_exact::<Coroutine>() {
        close(vm, delegate)?;
        return Ok(());
    }
    match vm.getattr_opt(delegate, n!(close)) {
        Ok(Some(close)) => vm.call(&close, &[]).map(drop),
        Ok(None) => Ok(()),
        Err(e) => {
            vm.unraisable(e, delegate);
            Ok(())
        }
    }
}

/// Runs `f` as if the generator's frame called it.
fn delegating<R>(vm: &mut Vm, gen_state: &GenState, f: impl FnOnce(&mut Vm) -> R) -> R {
    let before = gen_state.state.replace(state::EXECUTING);
    let frame = gen_state.frame();
    let previous = vm.eval.frame;
    // SAFETY: the frame is live; it is unlinked again below.
    unsafe { (*frame).previous = previous };
    vm.eval.frame = frame;
    let result = f(vm);
    vm.eval.frame = previous;
    // SAFETY: as above.
    unsafe { (*frame).previous = std::ptr::null_mut() };
    gen_state.state.set(before);
    result
}

/// `close()`.
pub fn close(vm: &mut Vm, zelf: &Value) -> PyResult {
    let Some(gen_state) = state_of(zelf) else { return Err(vm.type_error("not a generator")) };
    if gen_state.is_finished() {
        return Ok(Value::none());
    }
    if gen_state.state.get() == state::CREATED {
        discard(vm, gen_state, zelf);
        return Ok(Value::none());
    }
    let mut error = None;
    if let Some(delegate) = gen_state.yield_from() {
        error = delegating(vm, gen_state, |vm| close_delegate(vm, &delegate)).err();
    } else if gen_state.is_suspended() && !has_handler(gen_state) && vm.interp.monitoring.tools(crate::eval::instrument::event::PY_UNWIND) == 0 {
        discard(vm, gen_state, zelf);
        return Ok(Value::none());
    }
    let throw = match error {
        Some(e) => e,
        None => generator_exit(vm),
    };
    match resume(vm, zelf, None, Some(throw), true) {
        Ok(SendResult::Yield(_)) => {
            let kind = kind_name(zelf);
            Err(vm.runtime_error(format!("{kind} ignored GeneratorExit")))
        }
        Ok(SendResult::Return(value)) => Ok(value),
        Err(e) if vm.is_raised::<StopIteration>(&e) || is_builtin(vm, &e, "GeneratorExit") => Ok(Value::none()),
        Err(e) => Err(e),
    }
}

/// Whether an exception raised where the generator is suspended may be handled by it: the RESUME there says how deep in handlers it is.
fn has_handler(gen_state: &GenState) -> bool {
    let frame = gen_state.frame();
    // SAFETY: a suspended frame is live, its `ip` points into the running copy.
    let unit = unsafe { *(*frame).ip };
    let (op, oparg) = (unit & 0xff, u32::from(unit >> 8));
    let is_resume = op == Opcode::RESUME as u16 || op == Opcode::RESUME_CHECK as u16;
    !(is_resume && oparg & resume::LOCATION_MASK == resume::AFTER_YIELD && oparg & resume::DEPTH1_MASK != 0)
}

/// Drops the frame of a generator that is not running.
fn discard(vm: &mut Vm, gen_state: &GenState, zelf: &Value) {
    gen_state.state.set(state::CLEARED);
    if let Some(header) = zelf.header() {
        header.set_flag(ObjectFlags::FINALIZED);
    }
    let handled = gen_state.handled.replace(vm, None);
    // SAFETY: the frame is live and does not run.
    unsafe { clear_frame(vm, gen_state.frame()) };
    drop(handled);
}

/// `frame.clear()` of a generator's frame.
pub(crate) fn clear_from_frame(vm: &mut Vm, frame: *mut Frame) -> PyResult<()> {
    let owner = owner_of(vm, frame);
    let Some(gen_state) = state_of(&owner) else { return Ok(()) };
    match gen_state.state.get() {
        state::EXECUTING => Err(vm.runtime_error("cannot clear an executing frame")),
        state::SUSPENDED | state::SUSPENDED_YIELD_FROM => Err(vm.runtime_error("cannot clear a suspended frame")),
        state::CREATED => {
            if owner.is_exact::<Coroutine>() {
                warn_unawaited(vm, &owner);
            }
            discard(vm, gen_state, &owner);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The arguments of `throw()`: an exception, or the deprecated type, value and traceback.
pub fn throw_args(vm: &mut Vm, args: Args<'_>) -> PyResult<Raised> {
    let args = args.unpack(vm, "throw", 1, 3)?.to_vec();
    if args.len() > 1 {
        crate::eval::warn_deprecated(vm, "the (type, exc, tb) signature of throw() is deprecated, use the single-arg signature instead.")?;
    }
    let (typ, val) = (&args[0], args.get(1).filter(|v| !v.is_none()));
    let tb = args.get(2).filter(|t| !t.is_none());
    if let Some(tb) = tb
        && !tb.is::<Traceback>() {
            return Err(vm.type_error("throw() third argument must be a traceback object"));
        }
    let is_class = typ.downcast::<crate::types::type_::PyType>().is_some_and(|t| t.has_flag(crate::types::class::flags::BASE_EXC_SUBCLASS));
    let exception = if is_class {
        let made = match val {
            Some(v) if ops::exceptions::is_instance(vm, v, typ) => Ok(v.clone()),
            Some(v) => match v.downcast::<crate::types::tuple::Tuple>() {
                Some(t) => vm.call(typ, t.items()),
                None => vm.call(typ, std::slice::from_ref(v)),
            },
            None => ops::exceptions::instance(vm, typ, "exceptions must derive from BaseException").map(Py::into_value),
        };
        // What goes wrong while the exception is made is thrown in its place.
        match made {
            Ok(made) => made,
            Err(e) => return Ok(e),
        }
    } else if typ.is::<BaseException>() {
        if val.is_some() {
            return Err(vm.type_error("instance exception may not have a separate value"));
        }
        typ.clone()
    } else {
        let got = typ.type_name();
        return Err(vm.type_error(format!("exceptions must be classes or instances deriving from BaseException, not {got}")));
    };
    let exception = ops::exceptions::instance(vm, &exception, "exceptions must derive from BaseException")?;
    if let Some(tb) = tb {
        drop(exception.traceback.replace(vm, Some(tb.clone())));
    }
    Ok(Raised::new(exception))
}

/// `throw()`: raises in the generator, or in what it delegates to. With `close_on_exit` a GeneratorExit closes that first.
pub fn throw(vm: &mut Vm, zelf: &Value, raised: Raised, close_on_exit: bool) -> PyResult<SendResult> {
    let Some(gen_state) = state_of(zelf) else { return Err(vm.type_error("not a generator")) };
    let Some(delegate) = gen_state.yield_from() else { return send_ex(vm, zelf, None, Some(raised)) };
    vm.check_stack(" while calling a Python object")?;
    if close_on_exit && is_builtin(vm, &raised, "GeneratorExit") {
        return match delegating(vm, gen_state, |vm| close_delegate(vm, &delegate)) {
            Err(e) => send_ex(vm, zelf, None, Some(e)),
            Ok(()) => send_ex(vm, zelf, None, Some(raised)),
        };
    }
    let result = if delegate.is_exact::<Generator>() || delegate.is_exact::<Coroutine>() {
        delegating(vm, gen_state, |vm| {
            let result = throw(vm, &delegate, raised, close_on_exit)?;
            send_result(vm, &delegate, result)
        })
    } else {
        let Some(method) = vm.getattr_opt(&delegate, n!(throw))? else {
            return send_ex(vm, zelf, None, Some(raised));
        };
        delegating(vm, gen_state, |vm| vm.call(&method, &[raised.exception().to_value()]))
    };
    match result {
        Ok(value) => Ok(SendResult::Yield(value)),
        // The frame's own CLEANUP_THROW takes a StopIteration for the result.
        Err(e) => send_ex(vm, zelf, None, Some(e)),
    }
}

/// The finalizer of all three.
pub(crate) fn finalize(vm: &mut Vm, zelf: &Value) -> PyResult<()> {
    let Some(gen_state) = state_of(zelf) else { return Ok(()) };
    if gen_state.is_finished() {
        return Ok(());
    }
    if zelf.is_exact::<AsyncGenerator>()
        && let Some(finalizer) = gen_state.extra.load(vm)
            && !gen_state.closed.get() {
                vm.call(&finalizer, std::slice::from_ref(zelf))?;
                return Ok(());
            }
    if zelf.is_exact::<Coroutine>() && gen_state.state.get() == state::CREATED {
        warn_unawaited(vm, zelf);
        discard(vm, gen_state, zelf);
        return Ok(());
    }
    close(vm, zelf)?;
    Ok(())
}

/// Warns of a coroutine that nobody has awaited; nobody is there to handle what comes of that.
fn warn_unawaited(vm: &mut Vm, zelf: &Value) {
    const DOING: &str = "Exception ignored while finalizing coroutine";
    let warned = match ask_warnings(vm, zelf) {
        Ok(warned) => warned,
        Err(e) => {
            let warned = vm.is_raised::<crate::types::exceptions::RuntimeWarning>(&e);
            crate::types::exceptions::unraisable::report_while(vm, e, DOING, zelf);
            warned
        }
    };
    if !warned
        && let Err(e) = warn_plainly(vm, zelf) {
            crate::types::exceptions::unraisable::report_while(vm, e, DOING, zelf);
        }
}

/// Has the `warnings` module warn, which knows where the coroutine was made. False if it is not there.
fn ask_warnings(vm: &mut Vm, zelf: &Value) -> PyResult<bool> {
    let name = vm.intern("warnings");
    let module = vm.interp.modules.load(vm).and_then(|m| m.get_str(vm, &name).cloned());
    if let Some(module) = module {
        let name = vm.intern("_warn_unawaited_coroutine");
        if let Some(function) = vm.getattr_opt(&module, &name)? {
            vm.call(&function, std::slice::from_ref(zelf))?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn warn_plainly(vm: &mut Vm, zelf: &Value) -> PyResult<()> {
    let Some(gen_state) = state_of(zelf) else { return Ok(()) };
    let message = format!("coroutine '{}' was never awaited", gen_state.qualname.load(vm).to_string_lossy());
    ops::warn(vm, "RuntimeWarning", &message, 1)
}

/// INTRINSIC_ASYNC_GEN_WRAP.
pub fn wrap_value(vm: &mut Vm, value: Value) -> PyResult {
    crate::types::asyncgen::wrap(vm, value)
}

pub(crate) fn repr(vm: &mut Vm, zelf: &Value) -> PyResult {
    let Some(gen_state) = state_of(zelf) else { return Err(vm.type_error("not a generator")) };
    let kind = kind_name(zelf).replace(' ', "_");
    let text = format!("<{kind} object {} at {:#x}>", gen_state.qualname.load(vm).to_string_lossy(), zelf.bits());
    Ok(vm.new_str(&text)?.into_value())
}

pub(crate) fn set_text(vm: &mut Vm, cell: &GilCell<Py<Str>>, value: Option<&Value>, what: &str) -> PyResult<()> {
    match value.and_then(|v| v.downcast::<Str>()) {
        Some(s) => {
            drop(cell.replace(vm, s.clone()));
            Ok(())
        }
        None => Err(vm.type_error(format!("{what} must be set to a string object"))),
    }
}

pub(crate) fn frame_of(vm: &mut Vm, gen_state: &GenState) -> PyResult {
    if gen_state.is_finished() {
        return Ok(Value::none());
    }
    // SAFETY: the frame is live.
    unsafe { Ok(crate::eval::frame::frame_object_of(vm, gen_state.frame())?.into_value()) }
}

macro_rules! shared_methods {
    ($ty:ident, $name:tt, $qualname:tt, $frame:ident, $running:ident, $code:ident, $delegate:ident, $suspended:ident) => {
        #[pymethods(part = shared)]
        impl $ty {
            #[doc = $name]
            #[getter(name = "__name__")]
            fn get_name(&self, vm: &mut Vm) -> Py<Str> {
                self.state.name.load(vm)
            }

            #[setter(name = "__name__")]
            fn set_name(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
                $crate::types::generator::set_text(vm, &self.state.name, value, "__name__")
            }

            #[doc = $qualname]
            #[getter(name = "__qualname__")]
            fn get_qualname(&self, vm: &mut Vm) -> Py<Str> {
                self.state.qualname.load(vm)
            }

            #[setter(name = "__qualname__")]
            fn set_qualname(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
                $crate::types::generator::set_text(vm, &self.state.qualname, value, "__qualname__")
            }

            #[getter]
            fn $frame(&self, vm: &mut Vm) -> PyResult {
                $crate::types::generator::frame_of(vm, &self.state)
            }

            #[getter]
            fn $code(&self) -> Py<CodeObject> {
                self.state.code.clone()
            }

            #[getter]
            fn $delegate(&self) -> Option<Value> {
                self.state.yield_from()
            }

            #[getter]
            fn $suspended(&self) -> bool {
                self.state.state.get() == $crate::types::generator::state::SUSPENDED
                    || self.state.state.get() == $crate::types::generator::state::SUSPENDED_YIELD_FROM
            }

            #[getter]
            fn $running(&self) -> bool {
                $crate::types::asyncgen::is_running(&self.state)
            }

            #[slot(repr)]
            fn slot_repr(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult {
                $crate::types::generator::repr(vm, zelf.as_value())
            }

            #[slot(del)]
            fn slot_del(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult<()> {
                $crate::types::generator::finalize(vm, zelf.as_value())
            }
        }
    };
}
pub(crate) use shared_methods;

/// A payload that is nothing but a [`GenState`].
macro_rules! gen_traverse {
    ($ty:ident) => {
        const _: () = assert!(size_of::<$ty>() == size_of::<$crate::types::generator::GenState>());
    };
}
pub(crate) use gen_traverse;

gen_traverse!(Generator);
gen_traverse!(Coroutine);
shared_methods!(Generator, "name of the generator", "qualified name of the generator", gi_frame, gi_running, gi_code, gi_yieldfrom, gi_suspended);
shared_methods!(Coroutine, "name of the coroutine", "qualified name of the coroutine", cr_frame, cr_running, cr_code, cr_await, cr_suspended);

#[pymethods(parts(shared))]
impl Generator {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<Generator>) -> Py<Generator> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(zelf: &Py<Generator>, vm: &mut Vm) -> PyResult<Option<Value>> {
        match send_ex(vm, zelf.as_value(), None, None)? {
            SendResult::Yield(value) => Ok(Some(value)),
            SendResult::Return(value) if value.is_none() => Ok(None),
            SendResult::Return(value) => Err(stop_iteration(vm, value)),
        }
    }

    #[slot(send)]
    fn slot_send(zelf: &Py<Generator>, value: &Value, vm: &mut Vm) -> PyResult<SendResult> {
        send_ex(vm, zelf.as_value(), Some(value), None)
    }

    /// Resume the generator with a value for its yield expression; return the next value yielded or raise StopIteration.
    #[method(sig = "(value, /)")]
    fn send(zelf: &Py<Generator>, value: &Value, vm: &mut Vm) -> PyResult {
        let result = send_ex(vm, zelf.as_value(), Some(value), None)?;
        send_result(vm, zelf.as_value(), result)
    }

    /// Raise an exception where the generator is suspended; return the next value yielded or raise StopIteration.
    #[method]
    fn throw(zelf: &Py<Generator>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let raised = throw_args(vm, args)?;
        let result = throw(vm, zelf.as_value(), raised, true)?;
        send_result(vm, zelf.as_value(), result)
    }

    /// Raise GeneratorExit inside the generator.
    #[method]
    fn close(zelf: &Py<Generator>, vm: &mut Vm) -> PyResult {
        close(vm, zelf.as_value())
    }

    #[classmethod(name = "__class_getitem__", sig = "(item, /)")]
    fn class_getitem(cls: &Py<crate::types::type_::PyType>, item: &Value, vm: &mut Vm) -> PyResult {
        crate::eval::bridges::generic_alias(vm, cls, item)
    }
}

#[pymethods(parts(shared))]
impl Coroutine {
    /// Where the coroutine was created, if that is being tracked.
    #[getter]
    fn cr_origin(&self, vm: &mut Vm) -> Option<Value> {
        self.state.extra.load(vm)
    }

    #[slot(await_)]
    fn slot_await(zelf: &Py<Coroutine>, vm: &mut Vm) -> PyResult<Py<CoroutineWrapper>> {
        vm.new_object(CoroutineWrapper { coroutine: zelf.clone() })
    }

    #[slot(send)]
    fn slot_send(zelf: &Py<Coroutine>, value: &Value, vm: &mut Vm) -> PyResult<SendResult> {
        send_ex(vm, zelf.as_value(), Some(value), None)
    }

    /// Pass a value into coroutine, which goes on with it; return what it yields next or raise StopIteration.
    #[method(sig = "(value, /)")]
    fn send(zelf: &Py<Coroutine>, value: &Value, vm: &mut Vm) -> PyResult {
        let result = send_ex(vm, zelf.as_value(), Some(value), None)?;
        send_result(vm, zelf.as_value(), result)
    }

    /// Raise an exception in coroutine, where it is suspended.
    #[method]
    fn throw(zelf: &Py<Coroutine>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let raised = throw_args(vm, args)?;
        let result = throw(vm, zelf.as_value(), raised, true)?;
        send_result(vm, zelf.as_value(), result)
    }

    /// Raise GeneratorExit inside coroutine.
    #[method]
    fn close(zelf: &Py<Coroutine>, vm: &mut Vm) -> PyResult {
        close(vm, zelf.as_value())
    }

    #[classmethod(name = "__class_getitem__", sig = "(item, /)")]
    fn class_getitem(cls: &Py<crate::types::type_::PyType>, item: &Value, vm: &mut Vm) -> PyResult {
        crate::eval::bridges::generic_alias(vm, cls, item)
    }
}

/// What `coroutine.__await__()` gives: an iterator over the coroutine.
#[pyclass(name = "coroutine_wrapper", gc)]
pub struct CoroutineWrapper {
    coroutine: Py<Coroutine>,
}

#[pymethods]
impl CoroutineWrapper {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<CoroutineWrapper>) -> Py<CoroutineWrapper> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        match send_ex(vm, self.coroutine.as_value(), None, None)? {
            SendResult::Yield(value) => Ok(Some(value)),
            SendResult::Return(value) if value.is_none() => Ok(None),
            SendResult::Return(value) => Err(stop_iteration(vm, value)),
        }
    }

    /// Resume the coroutine with a value.
    #[method(sig = "(value, /)")]
    fn send(&self, value: &Value, vm: &mut Vm) -> PyResult {
        let result = send_ex(vm, self.coroutine.as_value(), Some(value), None)?;
        send_result(vm, self.coroutine.as_value(), result)
    }

    /// Raise an exception where the coroutine is suspended.
    #[method]
    fn throw(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let raised = throw_args(vm, args)?;
        let result = throw(vm, self.coroutine.as_value(), raised, true)?;
        send_result(vm, self.coroutine.as_value(), result)
    }

    /// Raise GeneratorExit inside the coroutine.
    #[method]
    fn close(&self, vm: &mut Vm) -> PyResult {
        close(vm, self.coroutine.as_value())
    }
}
