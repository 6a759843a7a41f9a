//! The handlers of the instructions that have to be quick, by family, and the tables of all handlers. What is not here is done by
//! [`slow`](crate::eval::slow), one instruction at a time.
#![allow(unsafe_code, reason = "the value stack is raw memory")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

mod arith;
mod attr;
mod call;
mod control;
mod data;
mod exceptions;
mod names;
mod stack;

use crate::eval::call::enter;
use crate::eval::dispatch::{Cx, Exit, Handler, handlers, op};
use crate::eval::slow::{MISS, Next, slow};

pub(super) use call::{bind_method, borrowed};

/// The handler of each opcode.
pub(super) static HANDLERS: [Handler; 256] = TABLES.0;

/// Which of them are not just [`general`].
static QUICK: [bool; 256] = TABLES.1;

const TABLES: ([Handler; 256], [bool; 256]) = {
    let (mut table, mut quick) = ([Handler(general); 256], [false; 256]);
    macro_rules! set {
        ($($module:ident: $($opcode:ident = $handler:ident),*;)*) => {
            $($(
                table[op::$opcode as usize] = Handler($module::$handler);
                quick[op::$opcode as usize] = true;
            )*)*
        };
    }
    set! {
        stack: NOP = nop, NOT_TAKEN = nop, CACHE = nop, EXTENDED_ARG = extended_arg, LOAD_FAST = load_fast, LOAD_FAST_BORROW = load_fast,
            LOAD_FAST_LOAD_FAST = load_fast_load_fast, LOAD_FAST_BORROW_LOAD_FAST_BORROW = load_fast_load_fast,
            LOAD_FAST_CHECK = load_fast_check, LOAD_FAST_AND_CLEAR = load_fast_and_clear, STORE_FAST = store_fast,
            STORE_FAST_LOAD_FAST = store_fast_load_fast, STORE_FAST_STORE_FAST = store_fast_store_fast,
            LOAD_CONST = first_load_const, LOAD_CONST_IMMORTAL = load_const, LOAD_CONST_MORTAL = load_const, LOAD_SMALL_INT = load_small_int,
            POP_TOP = pop_top, POP_ITER = pop_top, END_FOR = pop_top, PUSH_NULL = push_null, COPY = copy, SWAP = swap, END_SEND = end_send,
            LOAD_DEREF = load_deref, STORE_DEREF = store_deref, COPY_FREE_VARS = copy_free_vars, LIST_APPEND = list_append;
        control: RESUME = first_resume, RESUME_CHECK = resume, JUMP_FORWARD = jump_forward, JUMP_BACKWARD = first_jump_backward,
            JUMP_BACKWARD_NO_JIT = jump_backward, JUMP_BACKWARD_JIT = jump_backward, JUMP_BACKWARD_NO_INTERRUPT = jump_backward_no_interrupt,
            POP_JUMP_IF_FALSE = pop_jump_if_false, POP_JUMP_IF_TRUE = pop_jump_if_true, POP_JUMP_IF_NONE = pop_jump_if_none,
            POP_JUMP_IF_NOT_NONE = pop_jump_if_not_none, RETURN_VALUE = return_value, RETURN_GENERATOR = return_generator,
            YIELD_VALUE = yield_value, FOR_ITER_GEN = for_iter_gen, SEND_GEN = send_gen;
        arith: UNARY_NOT = unary_not, BINARY_OP = binary_op, COMPARE_OP = compare_op, IS_OP = is_op, BINARY_OP_ADD_INT = add_int, BINARY_OP_SUBTRACT_INT = subtract_int,
            BINARY_OP_MULTIPLY_INT = multiply_int, BINARY_OP_ADD_FLOAT = add_float, BINARY_OP_SUBTRACT_FLOAT = subtract_float,
            BINARY_OP_MULTIPLY_FLOAT = multiply_float, BINARY_OP_ADD_UNICODE = add_str, BINARY_OP_EXTEND = extend, BINARY_OP_SUBSCR_LIST_INT = subscr_list_int,
            BINARY_OP_SUBSCR_TUPLE_INT = subscr_tuple_int, BINARY_OP_SUBSCR_GETITEM = subscr_getitem, COMPARE_OP_INT = compare_int, COMPARE_OP_FLOAT = compare_float,
            COMPARE_OP_STR = compare_str, TO_BOOL_BOOL = to_bool_bool, TO_BOOL_INT = to_bool_int, TO_BOOL_NONE = to_bool_none,
            TO_BOOL_LIST = to_bool_list, TO_BOOL_STR = to_bool_str, TO_BOOL_ALWAYS_TRUE = to_bool_always_true, TO_BOOL = to_bool;
        attr: LOAD_ATTR = load_attr, LOAD_GLOBAL_MODULE = load_global_module, LOAD_GLOBAL_BUILTIN = load_global_builtin,
            LOAD_ATTR_INSTANCE_VALUE = load_instance_value, LOAD_ATTR_SLOT = load_slot, LOAD_ATTR_MODULE = load_module,
            LOAD_ATTR_CLASS = load_class, LOAD_ATTR_METHOD_WITH_VALUES = load_method_with_values, LOAD_ATTR_METHOD_NO_DICT = load_method_no_dict,
            LOAD_ATTR_NONDESCRIPTOR_WITH_VALUES = load_nondescriptor_with_values,
            LOAD_ATTR_NONDESCRIPTOR_NO_DICT = load_nondescriptor_no_dict, LOAD_ATTR_WITH_HINT = load_with_hint,
            STORE_ATTR_INSTANCE_VALUE = store_instance_value, STORE_ATTR_SLOT = store_slot, STORE_ATTR_WITH_HINT = store_with_hint,
            LOAD_ATTR_METHOD_LAZY_DICT = load_method_lazy_dict, LOAD_ATTR_PROPERTY = load_property,
            LOAD_ATTR_CLASS_WITH_METACLASS_CHECK = load_class_with_metaclass_check, LOAD_SPECIAL = load_special, LOAD_SUPER_ATTR = load_super_attr,
            LOAD_SUPER_ATTR_ATTR = load_known_super, LOAD_SUPER_ATTR_METHOD = load_known_super, LOAD_ATTR_GETATTRIBUTE_OVERRIDDEN = load_overridden;
        call: CALL_PY_EXACT_ARGS = py_exact_args, CALL_PY_GENERAL = py_general, CALL_ALLOC_AND_ENTER_INIT = alloc_and_enter_init, CALL_BUILTIN_FAST = builtin,
            CALL_METHOD_DESCRIPTOR_FAST = method_descriptor, CALL_LEN = len, CALL_ISINSTANCE = isinstance, CALL_TYPE_1 = type_1,
            CALL_LIST_APPEND = list_append, CALL_NON_PY_GENERAL = non_py_general, CALL_KW = call_kw;
        data: STORE_SUBSCR = store_subscr, BUILD_TUPLE = build_tuple, BUILD_LIST = build_list, FOR_ITER_RANGE = for_iter_range, FOR_ITER_LIST = for_iter_list, FOR_ITER_TUPLE = for_iter_tuple, FOR_ITER = for_iter,
            UNPACK_SEQUENCE_TWO_TUPLE = unpack_two_tuple, UNPACK_SEQUENCE_TUPLE = unpack_tuple, STORE_SUBSCR_LIST_INT = store_subscr_list_int,
            STORE_SUBSCR_DICT = store_subscr_dict, BINARY_OP_SUBSCR_DICT = subscr_dict,
            CONTAINS_OP_DICT = contains_dict, CONTAINS_OP_SET = contains_set, CONTAINS_OP = contains_op, GET_ITER = get_iter,
            BINARY_SLICE = binary_slice, STORE_SLICE = store_slice, SET_ADD = set_add, MAP_ADD = map_add, MATCH_MAPPING = match_mapping, MATCH_SEQUENCE = match_sequence, UNPACK_SEQUENCE_LIST = unpack_list;
        names: LOAD_NAME = load_name, STORE_NAME = store_name, STORE_GLOBAL = store_global;
        exceptions: PUSH_EXC_INFO = push_exc_info, POP_EXCEPT = pop_except, CHECK_EXC_MATCH = check_exc_match;
    }
    (table, quick)
};

handlers! {
    /// An instruction without a quick handler.
    fn general(c) {
        let opcode = *c.ip.sub(1) & 0xff;
        c.slow(opcode)
    }

    /// The instruction of the opcode in `base_opcode`, done here in place of the one that stands here.
    fn based(c) {
        let opcode = c.vm.eval.base_opcode;
        c.slow(opcode)
    }

    /// A specialised instruction whose guard has failed.
    #[cold]
    fn miss(c) {
        let opcode = op::BASES[(*c.ip.sub(1) & 0xff) as usize] | MISS;
        c.slow(opcode)
    }
}

impl Cx<'_> {
    /// Does the instruction, whose opcode is given since an instrumented one may stand here, in the general way.
    #[inline(always)]
    unsafe fn general(self, opcode: u16) -> Exit {
        self.vm.eval.base_opcode = opcode;
        // SAFETY: as for `next`.
        unsafe { based(self.vm, self.frame, self.ip, self.sp, self.oparg, self.table) }
    }

    /// Has [`slow`] do one instruction.
    #[inline(always)]
    unsafe fn slow(mut self, opcode: u16) -> Exit {
        // SAFETY: the registers are exact.
        unsafe {
            self.save();
            let next = slow(self.vm, self.frame, self.ip, self.sp, opcode, self.oparg);
            self.sp = (*self.frame).sp;
            self.follow(next)
        }
    }

    /// Goes on behind an instruction that left the frame's registers exact.
    #[inline(always)]
    unsafe fn follow(mut self, next: Next) -> Exit {
        // SAFETY: as `slow` promises.
        unsafe {
            match next {
                Next::Continue => {
                    self.ip = (*self.frame).ip;
                    if self.vm.interp.heap.wakeup.get() {
                        return self.next_awake();
                    }
                    self.next_bounded()
                }
                Next::Again => self.again(),
                Next::Base => {
                    let opcode = usize::from(self.vm.eval.base_opcode & 0xff);
                    let handler = if QUICK[opcode] { HANDLERS[opcode] } else { Handler(based) };
                    (handler.0)(self.vm, self.frame, self.ip, self.sp, self.oparg, self.table)
                }
                Next::Frame => {
                    let new = self.vm.eval.entering;
                    self.enter_frame(new)
                }
                Next::Generator => {
                    let frame = self.vm.eval.entering;
                    self.vm.eval.frame = frame;
                    self.switch(frame);
                    self.next_bounded()
                }
                Next::Error => {
                    self.oparg = 1;
                    self.unwind()
                }
                Next::ErrorHere => {
                    self.ip = (*self.frame).ip;
                    self.oparg = 1;
                    self.unwind()
                }
                Next::Untraced => {
                    self.oparg = 0;
                    self.unwind()
                }
            }
        }
    }

    /// Raises what is in `raised`; the frame's `ip` stays as it is.
    #[inline(always)]
    unsafe fn unwind(self) -> Exit {
        // SAFETY: as for `next`.
        unsafe { super::dispatch::unwinding(self.vm, self.frame, self.ip, self.sp, self.oparg, self.table) }
    }

    /// Enters a new frame of the data stack; this one's registers are saved.
    #[inline(always)]
    unsafe fn enter_frame(mut self, new: *mut crate::eval::frame::Frame) -> Exit {
        // SAFETY: the frame is new and on top of the data stack.
        unsafe {
            if let Err(e) = enter(self.vm) {
                self.vm.free_frame(new);
                self.vm.eval.set_raised(e);
                self.oparg = 1;
                return self.unwind();
            }
            (*new).previous = self.frame;
            self.vm.eval.frame = new;
            self.switch(new);
            self.next_bounded()
        }
    }
}
