//! The instructions that need not be quick, and the general forms of those that are specialised: one function for each, by family, and the
//! table of them. They work on a [`Step`], whose registers come in exact and go back to the frame: behind the instruction, or as they were when
//! it failed.
#![allow(unsafe_code, reason = "the value stack is raw memory")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

mod attr;
mod build;
mod call;
mod exceptions;
mod iterate;
mod names;
mod operators;

use crate::eval::call::enter;
use crate::eval::dispatch::op;
use crate::eval::frame::{Frame, Slot};
use crate::eval::instrument;
use crate::eval::specialize::Site;
use crate::types::code::CodeObject;
use crate::types::generator::{self, GenState};
use crate::types::pyfunction::Function;
use crate::types::str_::Str;
use crate::{Py, PyResult, Raised, Value, Vm};
use krait_bytecode::opcode::MIN_INSTRUMENTED_OPCODE;
use std::sync::atomic::Ordering;

pub(super) use operators::compare;

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

/// Why an instruction does not simply go on behind itself.
enum Stop {
    Raised(Raised),
    /// Raised without a traceback entry.
    Untraced(Raised),
    Next(Next),
}

impl From<Raised> for Stop {
    fn from(e: Raised) -> Stop {
        Stop::Raised(e)
    }
}

type Done = Result<(), Stop>;

/// To look at an instruction again that has been specialised, or not.
const AGAIN: Stop = Stop::Next(Next::Again);

/// One instruction on its way: the evaluator's registers and the operand.
///
/// Invariant: the code has passed the verifier, and a body takes and gives just the items that its opcode has, so that the methods stay within the
/// frame's stack.
struct Step {
    frame: *mut Frame,
    ip: *const u16,
    sp: *mut Slot,
    oparg: u32,
}

impl Step {
    fn push_slot(&mut self, value: Slot) {
        // SAFETY: the type's invariant.
        unsafe {
            self.sp.write(value);
            self.sp = self.sp.add(1);
        }
    }

    fn push(&mut self, value: Value) {
        self.push_slot(Some(value));
    }

    fn pop_slot(&mut self) -> Slot {
        // SAFETY: the type's invariant.
        unsafe {
            self.sp = self.sp.sub(1);
            self.sp.read()
        }
    }

    /// The topmost item; `None` for a NULL, which is for malformed code only.
    fn pop(&mut self) -> Value {
        self.pop_slot().unwrap_or_else(Value::none)
    }

    /// The item `n` from the top, counted from 1, as it is.
    fn item(&self, n: usize) -> Option<&Value> {
        // SAFETY: the type's invariant.
        unsafe { (*self.sp.sub(n)).as_ref() }
    }

    fn peek(&self, n: usize) -> Value {
        self.item(n).cloned().unwrap_or_else(Value::none)
    }

    /// Takes off the operand's number of items, times `width`.
    fn take(&mut self, width: usize) -> Vec<Value> {
        let count = width * self.count();
        // SAFETY: the type's invariant; the slots are not looked at again.
        unsafe {
            self.sp = self.sp.sub(count);
            crate::eval::ops::call::take(self.sp, count)
        }
    }

    /// The operand as an index or a number of items.
    fn count(&self) -> usize {
        self.oparg as usize
    }

    /// The variable that the operand tells.
    fn local(&mut self) -> &mut Slot {
        self.variable(self.count())
    }

    /// The variable of an index that the verifier has checked.
    fn variable(&mut self, index: usize) -> &mut Slot {
        // SAFETY: the type's invariant.
        unsafe { &mut *Frame::slots(self.frame).add(index) }
    }

    fn code(&self) -> Py<CodeObject> {
        // SAFETY: the frame runs.
        unsafe { (*self.frame).code.clone() }
    }

    fn code_flags(&self) -> u32 {
        // SAFETY: the frame runs.
        unsafe { (*self.frame).code.flags }
    }

    fn func(&self) -> Py<Function> {
        // SAFETY: the frame runs.
        unsafe { (*self.frame).func.clone() }
    }

    fn locals(&self) -> Option<Value> {
        // SAFETY: the frame runs.
        unsafe { (*self.frame).locals.clone() }
    }

    /// A name of the code.
    fn name(&self, index: u32) -> Py<Str> {
        // SAFETY: the frame runs.
        let name = unsafe { (*self.frame).code.name_at(index as usize) };
        name.unwrap_or(n!(empty)).clone()
    }

    /// Goes over cache units, or to a jump's target.
    fn skip(&mut self, units: usize) {
        // SAFETY: the verifier has checked caches and targets.
        self.ip = unsafe { self.ip.add(units) };
    }

    /// Makes the frame stand at the instruction in a code unit that there is, for what is raised next.
    fn stand_at(&mut self, unit: usize) {
        // SAFETY: the frame runs; callers have compared the unit with the code's length.
        unsafe { (*self.frame).ip = (*self.frame).code.start().add(unit + 1) };
    }

    /// The instruction, to be specialised.
    fn site(&self) -> Site {
        // SAFETY: only instructions with caches ask.
        unsafe { Site::before(self.ip) }
    }

    /// Counts a run of an instruction that may be specialised: whether it is time to try.
    fn adapts(&self) -> bool {
        // SAFETY: the counter stands behind the instruction.
        unsafe {
            let counter = *self.ip;
            if counter == 0 {
                return true;
            }
            *self.ip.cast_mut() = counter - 1;
            false
        }
    }

    /// Counts a miss of a specialised instruction, which becomes its base form after too many.
    fn missed(&self, base: u16) {
        // SAFETY: the counter stands behind the instruction.
        unsafe {
            let counter = *self.ip;
            if counter == 0 {
                *self.ip.sub(1).cast_mut() = *self.ip.sub(1) & 0xff00 | base;
            } else {
                *self.ip.cast_mut() = counter - 1;
            }
        }
    }

    /// Enters a new frame; its return goes on `offset` units behind `ip`.
    fn enter(&mut self, vm: &mut Vm, new: *mut Frame, offset: u32) -> Stop {
        vm.eval.entering = new;
        // SAFETY: the frame runs.
        unsafe { (*self.frame).return_offset = offset };
        Stop::Next(Next::Frame)
    }

    /// Goes on in a suspended generator with the value sent to it.
    fn resume(&mut self, vm: &mut Vm, state: &GenState, value: Value, offset: u32) -> Stop {
        // SAFETY: the generator is suspended and on the stack; the frames are linked here.
        unsafe {
            (*self.frame).sp = self.sp;
            (*self.frame).return_offset = offset;
            if let Err(e) = enter(vm) {
                return e.into();
            }
            let new = generator::resume_frame(vm, state, value);
            (*new).is_entry = false;
            vm.eval.entering = new;
        }
        Stop::Next(Next::Generator)
    }
}

/// Does what the eval breaker asks for before a call.
fn attend(vm: &mut Vm) -> PyResult<()> {
    if vm.interp.eval_breaker.load(Ordering::Relaxed) == 0 { Ok(()) } else { vm.handle_breaker() }
}

type Body = fn(&mut Vm, &mut Step) -> Done;

/// What each opcode does.
static BODIES: [Body; 256] = {
    let mut table: [Body; 256] = [unknown; 256];
    macro_rules! set {
        ($($module:ident: $($opcode:ident = $body:ident),*;)*) => {
            $($(table[op::$opcode as usize] = $module::$body;)*)*
        };
    }
    set! {
        operators: BINARY_OP = binary_op, UNARY_NEGATIVE = unary_negative, UNARY_INVERT = unary_invert, TO_BOOL = to_bool, COMPARE_OP = compare_op,
            CONTAINS_OP = contains_op, BINARY_SLICE = binary_slice, STORE_SLICE = store_slice, STORE_SUBSCR = store_subscr,
            DELETE_SUBSCR = delete_subscr, GET_LEN = get_len, BINARY_OP_SUBSCR_STR_INT = binary_op_subscr_str_int;
        names: LOAD_FAST_CHECK = load_fast_check, DELETE_FAST = delete_fast, LOAD_COMMON_CONSTANT = load_common_constant, LOAD_GLOBAL = load_global,
            LOAD_NAME = load_name, STORE_NAME = store_name, DELETE_NAME = delete_name, STORE_GLOBAL = store_global, DELETE_GLOBAL = delete_global,
            LOAD_LOCALS = load_locals, LOAD_FROM_DICT_OR_GLOBALS = load_from_dict_or_globals, LOAD_FROM_DICT_OR_DEREF = load_from_dict_or_deref,
            LOAD_DEREF = load_deref, STORE_DEREF = store_deref, DELETE_DEREF = delete_deref, MAKE_CELL = make_cell, COPY_FREE_VARS = copy_free_vars,
            LOAD_BUILD_CLASS = load_build_class, SETUP_ANNOTATIONS = setup_annotations, IMPORT_NAME = import_name, IMPORT_FROM = import_from;
        attr: LOAD_ATTR = load_attr, STORE_ATTR = store_attr, DELETE_ATTR = delete_attr, LOAD_SUPER_ATTR = load_super_attr,
            LOAD_SPECIAL = load_special;
        build: BUILD_TUPLE = build_tuple, BUILD_LIST = build_list, BUILD_SET = build_set, BUILD_MAP = build_map, BUILD_SLICE = build_slice,
            BUILD_STRING = build_string, BUILD_INTERPOLATION = build_interpolation, BUILD_TEMPLATE = build_template, LIST_APPEND = list_append,
            LIST_EXTEND = list_extend, SET_ADD = set_add, SET_UPDATE = set_update, MAP_ADD = map_add, DICT_UPDATE = dict_update, DICT_MERGE = dict_merge,
            CONVERT_VALUE = convert_value, FORMAT_SIMPLE = format_simple, FORMAT_WITH_SPEC = format_with_spec, UNPACK_SEQUENCE = unpack_sequence,
            UNPACK_EX = unpack_ex, UNPACK_SEQUENCE_LIST = unpack_sequence_list, MATCH_MAPPING = match_mapping, MATCH_SEQUENCE = match_sequence,
            MATCH_KEYS = match_keys, MATCH_CLASS = match_class;
        call: CALL = call, CALL_KW = call_kw, CALL_FUNCTION_EX = call_function_ex, CALL_STR_1 = call_str_1, MAKE_FUNCTION = make_function,
            SET_FUNCTION_ATTRIBUTE = set_function_attribute, CALL_INTRINSIC_1 = call_intrinsic_1, CALL_INTRINSIC_2 = call_intrinsic_2,
            INTERPRETER_EXIT = interpreter_exit;
        iterate: GET_ITER = get_iter, FOR_ITER = for_iter, GET_AWAITABLE = get_awaitable, GET_YIELD_FROM_ITER = get_yield_from_iter,
            GET_AITER = get_aiter, GET_ANEXT = get_anext, SEND = send, END_ASYNC_FOR = end_async_for, CLEANUP_THROW = cleanup_throw;
        exceptions: RAISE_VARARGS = raise_varargs, RERAISE = reraise, PUSH_EXC_INFO = push_exc_info, POP_EXCEPT = pop_except,
            CHECK_EXC_MATCH = check_exc_match, CHECK_EG_MATCH = check_eg_match, WITH_EXCEPT_START = with_except_start;
    }
    table
};

#[cold]
fn unknown(vm: &mut Vm, s: &mut Step) -> Done {
    // SAFETY: the instruction's unit stands in front.
    let number = unsafe { *s.ip.sub(1) & 0xff };
    Err(vm.system_error(format!("unknown opcode {number}")).into())
}

/// Does one instruction.
///
/// # Safety
/// `frame` runs and is at an instruction with this opcode and operand; `ip` and `sp` are its registers, which are written back too. (Read from
/// there right after they would have to wait for the stores.)
#[inline(never)]
pub(super) unsafe fn slow(vm: &mut Vm, frame: *mut Frame, ip: *const u16, sp: *mut Slot, opcode: u16, oparg: u32) -> Next {
    let mut step = Step { frame, ip, sp, oparg };
    let number = opcode & !MISS;
    if opcode & MISS != 0 {
        step.missed(number);
    }
    if number >= MIN_INSTRUMENTED_OPCODE {
        // SAFETY: as promised.
        return unsafe { instrument::run(vm, frame, number, oparg) };
    }
    let done = (BODIES[usize::from(number & 0xff)])(vm, &mut step);
    // SAFETY: the frame runs; a new one is not linked in yet.
    unsafe {
        (*frame).sp = step.sp;
        if let Ok(()) = done {
            (*frame).ip = step.ip;
            return Next::Continue;
        }
    }
    stopped(vm, done)
}

/// What the dispatch loop does behind an instruction that did not simply go on.
#[inline(never)]
fn stopped(vm: &mut Vm, done: Done) -> Next {
    match done {
        Ok(()) => Next::Continue,
        Err(Stop::Next(next)) => next,
        Err(Stop::Raised(e)) => {
            vm.eval.raised = Some(e);
            Next::Error
        }
        Err(Stop::Untraced(e)) => {
            vm.eval.raised = Some(e);
            Next::Untraced
        }
    }
}
