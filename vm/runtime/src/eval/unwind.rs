//! Exceptions on their way through frames: traceback entries, exception tables.
#![allow(unsafe_code, reason = "looks into raw frames")]

use crate::eval::breaker;
use crate::eval::frame::{Frame, Slot, frame_object_of};
use crate::types::exceptions::BaseException;
use crate::types::traceback::Traceback;
use crate::{Py, Raised, Value, Vm};
use std::sync::atomic::Ordering;

/// Adds an entry for `frame` to the exception's traceback.
///
/// # Safety
/// `frame` is a live frame whose `ip` is exact.
#[cold]
#[inline(never)]
pub(crate) unsafe fn add_traceback(vm: &mut Vm, frame: *mut Frame, raised: &Raised) {
    // SAFETY: the caller's promise.
    let (lasti, object) = unsafe { (Frame::lasti(frame), frame_object_of(vm, frame)) };
    let Ok(object) = object else { return };
    let exception = raised.exception();
    let next = exception.traceback.load(vm).and_then(|t| t.into_py::<Traceback>().ok());
    let lasti = i32::try_from(lasti.saturating_mul(2)).unwrap_or(i32::MAX);
    let Ok(entry) = vm.new_traceback(next, object, lasti, -1) else { return };
    let old = exception.traceback.replace(vm, Some(entry.into_value()));
    drop(old);
}

/// Finds the handler of the instruction in front of `ip` and puts the exception on the stack for it: where to go on, or the exception again
/// if the frame has no handler.
///
/// # Safety
/// `frame` is a live frame, `ip` points into its code, `sp` is its stack's top.
#[cold]
#[inline(never)]
pub(crate) unsafe fn find_handler(vm: &mut Vm, frame: *mut Frame, ip: *const u16, sp: *mut Slot, raised: Raised) -> Result<(*const u16, *mut Slot), Raised> {
    // Handlers can follow each other without end. Whoever has used up the limits handles nothing any more.
    if vm.interp.eval_breaker.load(Ordering::Relaxed) & breaker::LIMITS != 0 {
        vm.charge()?;
    }
    // SAFETY: the caller's promise; depth and target are checked before they are used.
    unsafe {
        let code = &(*frame).code;
        let unit = ip.offset_from(code.start()) - 1;
        let entry = u32::try_from(unit).ok().and_then(|u| krait_bytecode::exceptiontable::lookup(&code.exceptiontable, u));
        let Some(entry) = entry else { return Err(raised) };
        let base = Frame::stack_base(frame);
        let depth = sp.offset_from(base) as usize;
        let room = code.stacksize as usize;
        let want = entry.depth as usize;
        if want > depth || entry.target as usize >= code.len() || want + 1 + usize::from(entry.lasti) > room {
            return Err(vm.system_error("malformed exception table"));
        }
        let mut sp = sp;
        while sp > base.add(want) {
            sp = sp.sub(1);
            std::ptr::drop_in_place(sp);
        }
        if entry.lasti {
            let lasti = vm.new_int(Frame::lasti(frame).max(0)).unwrap_or_else(|_| Value::none());
            sp.write(Some(lasti));
            sp = sp.add(1);
        }
        sp.write(Some(raised.into_exception().into_value()));
        Ok((code.start().add(entry.target as usize), sp.add(1)))
    }
}

/// Tells tools that `frame` goes on with the handler at `to`, the exception being on top of its stack.
///
/// # Safety
/// As for [`find_handler`], which has just found the handler; `sp` in the frame is exact.
#[cold]
pub(crate) unsafe fn tell_handled(vm: &mut Vm, frame: *mut Frame, to: *const u16) -> Result<(), Raised> {
    // SAFETY: the caller's promise.
    let (unit, exception) = unsafe { (to.offset_from((*frame).code.start()), (*(*frame).sp.sub(1)).clone()) };
    crate::eval::instrument::handled(vm, frame, unit.max(0) as usize, &exception.unwrap_or_else(Value::none))
}

/// Raises an exception object or an instance of an exception class.
pub(crate) fn raise_value(vm: &mut Vm, value: &Value) -> Raised {
    match crate::eval::ops::exceptions::instance(vm, value, "exceptions must derive from BaseException") {
        Ok(e) => Raised::new(e),
        Err(e) => e,
    }
}

/// Raises an exception object that lies on the stack again; SystemError if it is none.
pub(crate) fn reraise_value(vm: &mut Vm, value: Option<Value>) -> Raised {
    match value.map(Value::into_py::<BaseException>) {
        Some(Ok(e)) => Raised::new(e),
        Some(Err(_)) | None => vm.system_error("reraising something that is no exception"),
    }
}

/// Reads a `lasti` that an exception handler was given.
pub(crate) fn lasti_of(value: Option<&Value>) -> Option<usize> {
    value.and_then(Value::as_small_int).and_then(|i| usize::try_from(i).ok())
}

/// A traceback as the third argument of `__exit__`.
pub(crate) fn traceback_of(vm: &Vm, exception: &Py<BaseException>) -> Value {
    exception.traceback.load(vm).unwrap_or_else(Value::none)
}

/// What an instruction left to be raised.
pub(crate) fn take_raised(vm: &mut Vm) -> Raised {
    match vm.eval.raised.take() {
        Some(e) => e,
        None => vm.system_error("error return without exception set"),
    }
}
