//! The opcode table of CPython 3.14, the one place that knows opcodes.
//!
//! [`for_each_opcode!`] hands every row to a macro of the caller: name, number, values popped and pushed (constants or
//! functions of the operand), inline cache layout, the base opcode it deoptimises to, and flags. The enum, its names, stack effects, cache
//! sizes and flag queries below derive from it; so may encoders, verifiers and dispatch loops elsewhere.
//!
//! Invariants: numbers up to 255 are what `co_code` holds; 256 and up are pseudo opcodes, which only the compiler sees.
//! Specialised and instrumented opcodes have a base other than themselves and never occur in a `.pyc`.

use std::fmt;

/// The number at the head of every `.pyc` of this bytecode (`importlib.util.MAGIC_NUMBER` as an integer).
pub const MAGIC: u16 = 3627;

/// The 32-bit word that starts a `.pyc`: the magic number, carriage return, newline.
pub const MAGIC_TOKEN: u32 = MAGIC as u32 | 0x0a0d_0000;

/// Calls `$callback! { rows }`. A row is `NAME = number, popped => pushed, Caches, BASE, [FLAGS];` where popped and pushed are
/// a number, `(base + factor n)` with `n` the operand, `(base + bit)` with the operand's lowest bit, or `(unpack)` of UNPACK_EX.
#[macro_export]
macro_rules! for_each_opcode {
    ($callback:path) => {
        $callback! {
            CACHE = 0, 0 => 0, None, CACHE, [];
            BINARY_SLICE = 1, 3 => 1, None, BINARY_SLICE, [ERROR ESCAPES];
            BUILD_TEMPLATE = 2, 2 => 1, None, BUILD_TEMPLATE, [ERROR ESCAPES];
            BINARY_OP_INPLACE_ADD_UNICODE = 3, 2 => 0, BinaryOp, BINARY_OP, [LOCAL DEOPT EXIT ERROR ESCAPES];
            CALL_FUNCTION_EX = 4, 4 => 1, None, CALL_FUNCTION_EX, [EVAL_BREAK ERROR ERROR_NO_POP ESCAPES];
            CHECK_EG_MATCH = 5, 2 => 2, None, CHECK_EG_MATCH, [ERROR ESCAPES];
            CHECK_EXC_MATCH = 6, 2 => 2, None, CHECK_EXC_MATCH, [ERROR ERROR_NO_POP ESCAPES];
            CLEANUP_THROW = 7, 3 => 2, None, CLEANUP_THROW, [ERROR ERROR_NO_POP ESCAPES];
            DELETE_SUBSCR = 8, 2 => 0, None, DELETE_SUBSCR, [ERROR ESCAPES];
            END_FOR = 9, 1 => 0, None, END_FOR, [ESCAPES NO_SAVE_IP];
            END_SEND = 10, 2 => 1, None, END_SEND, [ESCAPES PURE];
            EXIT_INIT_CHECK = 11, 1 => 0, None, EXIT_INIT_CHECK, [ERROR ERROR_NO_POP ESCAPES];
            FORMAT_SIMPLE = 12, 1 => 1, None, FORMAT_SIMPLE, [ERROR ESCAPES];
            FORMAT_WITH_SPEC = 13, 2 => 1, None, FORMAT_WITH_SPEC, [ERROR ESCAPES];
            GET_AITER = 14, 1 => 1, None, GET_AITER, [ERROR ESCAPES];
            GET_ANEXT = 15, 1 => 2, None, GET_ANEXT, [ERROR ERROR_NO_POP ESCAPES];
            GET_ITER = 16, 1 => 1, None, GET_ITER, [ERROR ESCAPES];
            RESERVED = 17, 0 => 0, None, RESERVED, [];
            GET_LEN = 18, 1 => 2, None, GET_LEN, [ERROR ESCAPES];
            GET_YIELD_FROM_ITER = 19, 1 => 1, None, GET_YIELD_FROM_ITER, [ERROR ERROR_NO_POP ESCAPES];
            INTERPRETER_EXIT = 20, 1 => 0, None, INTERPRETER_EXIT, [ESCAPES];
            LOAD_BUILD_CLASS = 21, 0 => 1, None, LOAD_BUILD_CLASS, [ERROR ESCAPES];
            LOAD_LOCALS = 22, 0 => 1, None, LOAD_LOCALS, [ERROR ESCAPES];
            MAKE_FUNCTION = 23, 1 => 1, None, MAKE_FUNCTION, [ERROR ESCAPES];
            MATCH_KEYS = 24, 2 => 3, None, MATCH_KEYS, [ERROR ESCAPES];
            MATCH_MAPPING = 25, 1 => 2, None, MATCH_MAPPING, [];
            MATCH_SEQUENCE = 26, 1 => 2, None, MATCH_SEQUENCE, [];
            NOP = 27, 0 => 0, None, NOP, [PURE];
            NOT_TAKEN = 28, 0 => 0, None, NOT_TAKEN, [PURE];
            POP_EXCEPT = 29, 1 => 0, None, POP_EXCEPT, [ESCAPES];
            POP_ITER = 30, 1 => 0, None, POP_ITER, [ESCAPES PURE];
            POP_TOP = 31, 1 => 0, None, POP_TOP, [ESCAPES PURE];
            PUSH_EXC_INFO = 32, 1 => 2, None, PUSH_EXC_INFO, [];
            PUSH_NULL = 33, 0 => 1, None, PUSH_NULL, [PURE];
            RETURN_GENERATOR = 34, 0 => 1, None, RETURN_GENERATOR, [ERROR ESCAPES];
            RETURN_VALUE = 35, 1 => 1, None, RETURN_VALUE, [ESCAPES];
            SETUP_ANNOTATIONS = 36, 0 => 0, None, SETUP_ANNOTATIONS, [ERROR ESCAPES];
            STORE_SLICE = 37, 4 => 0, None, STORE_SLICE, [ERROR ESCAPES];
            STORE_SUBSCR = 38, 3 => 0, Counter, STORE_SUBSCR, [ERROR ESCAPES];
            TO_BOOL = 39, 1 => 1, ToBool, TO_BOOL, [ERROR ESCAPES];
            UNARY_INVERT = 40, 1 => 1, None, UNARY_INVERT, [ERROR ESCAPES];
            UNARY_NEGATIVE = 41, 1 => 1, None, UNARY_NEGATIVE, [ERROR ESCAPES];
            UNARY_NOT = 42, 1 => 1, None, UNARY_NOT, [PURE];
            WITH_EXCEPT_START = 43, 5 => 6, None, WITH_EXCEPT_START, [ERROR ESCAPES];
            BINARY_OP = 44, 2 => 1, BinaryOp, BINARY_OP, [ARG ERROR ERROR_NO_POP ESCAPES];
            BUILD_INTERPOLATION = 45, (2 + bit) => 1, None, BUILD_INTERPOLATION, [ARG ERROR ESCAPES];
            BUILD_LIST = 46, (0 + 1 n) => 1, None, BUILD_LIST, [ARG ERROR ERROR_NO_POP ESCAPES];
            BUILD_MAP = 47, (0 + 2 n) => 1, None, BUILD_MAP, [ARG ERROR ESCAPES];
            BUILD_SET = 48, (0 + 1 n) => 1, None, BUILD_SET, [ARG ERROR ESCAPES];
            BUILD_SLICE = 49, (0 + 1 n) => 1, None, BUILD_SLICE, [ARG ERROR];
            BUILD_STRING = 50, (0 + 1 n) => 1, None, BUILD_STRING, [ARG ERROR];
            BUILD_TUPLE = 51, (0 + 1 n) => 1, None, BUILD_TUPLE, [ARG ERROR ERROR_NO_POP];
            CALL = 52, (2 + 1 n) => 1, Call, CALL, [ARG EVAL_BREAK ERROR ERROR_NO_POP ESCAPES];
            CALL_INTRINSIC_1 = 53, 1 => 1, None, CALL_INTRINSIC_1, [ARG ERROR ESCAPES];
            CALL_INTRINSIC_2 = 54, 2 => 1, None, CALL_INTRINSIC_2, [ARG ERROR ESCAPES];
            CALL_KW = 55, (3 + 1 n) => 1, Call, CALL_KW, [ARG ERROR ERROR_NO_POP ESCAPES];
            COMPARE_OP = 56, 2 => 1, Counter, COMPARE_OP, [ARG ERROR ESCAPES];
            CONTAINS_OP = 57, 2 => 1, Counter, CONTAINS_OP, [ARG ERROR ESCAPES];
            CONVERT_VALUE = 58, 1 => 1, None, CONVERT_VALUE, [ARG ERROR ESCAPES];
            COPY = 59, (0 + 1 n) => (1 + 1 n), None, COPY, [ARG PURE];
            COPY_FREE_VARS = 60, 0 => 0, None, COPY_FREE_VARS, [ARG];
            DELETE_ATTR = 61, 1 => 0, None, DELETE_ATTR, [ARG NAME ERROR ESCAPES];
            DELETE_DEREF = 62, 0 => 0, None, DELETE_DEREF, [ARG FREE ERROR ERROR_NO_POP ESCAPES];
            DELETE_FAST = 63, 0 => 0, None, DELETE_FAST, [ARG LOCAL ERROR ESCAPES];
            DELETE_GLOBAL = 64, 0 => 0, None, DELETE_GLOBAL, [ARG NAME ERROR ERROR_NO_POP ESCAPES];
            DELETE_NAME = 65, 0 => 0, None, DELETE_NAME, [ARG NAME ERROR ERROR_NO_POP ESCAPES];
            DICT_MERGE = 66, (4 + 1 n) => (3 + 1 n), None, DICT_MERGE, [ARG ERROR ESCAPES];
            DICT_UPDATE = 67, (1 + 1 n) => (0 + 1 n), None, DICT_UPDATE, [ARG ERROR ESCAPES];
            END_ASYNC_FOR = 68, 2 => 0, None, END_ASYNC_FOR, [ARG JUMP ERROR ERROR_NO_POP ESCAPES];
            EXTENDED_ARG = 69, 0 => 0, None, EXTENDED_ARG, [ARG];
            FOR_ITER = 70, 1 => 2, Counter, FOR_ITER, [ARG JUMP ERROR ERROR_NO_POP ESCAPES];
            GET_AWAITABLE = 71, 1 => 1, None, GET_AWAITABLE, [ARG ERROR ESCAPES];
            IMPORT_FROM = 72, 1 => 2, None, IMPORT_FROM, [ARG NAME ERROR ESCAPES];
            IMPORT_NAME = 73, 2 => 1, None, IMPORT_NAME, [ARG NAME ERROR ESCAPES];
            IS_OP = 74, 2 => 1, None, IS_OP, [ARG];
            JUMP_BACKWARD = 75, 0 => 0, Counter, JUMP_BACKWARD, [ARG JUMP EVAL_BREAK ERROR ESCAPES];
            JUMP_BACKWARD_NO_INTERRUPT = 76, 0 => 0, None, JUMP_BACKWARD_NO_INTERRUPT, [ARG JUMP];
            JUMP_FORWARD = 77, 0 => 0, None, JUMP_FORWARD, [ARG JUMP];
            LIST_APPEND = 78, (1 + 1 n) => (0 + 1 n), None, LIST_APPEND, [ARG ERROR];
            LIST_EXTEND = 79, (1 + 1 n) => (0 + 1 n), None, LIST_EXTEND, [ARG ERROR ESCAPES];
            LOAD_ATTR = 80, 1 => (1 + bit), LoadAttr, LOAD_ATTR, [ARG NAME ERROR ESCAPES];
            LOAD_COMMON_CONSTANT = 81, 0 => 1, None, LOAD_COMMON_CONSTANT, [ARG];
            LOAD_CONST = 82, 0 => 1, None, LOAD_CONST, [ARG CONST];
            LOAD_DEREF = 83, 0 => 1, None, LOAD_DEREF, [ARG LOCAL ERROR ESCAPES];
            LOAD_FAST = 84, 0 => 1, None, LOAD_FAST, [ARG LOCAL PURE];
            LOAD_FAST_AND_CLEAR = 85, 0 => 1, None, LOAD_FAST_AND_CLEAR, [ARG LOCAL];
            LOAD_FAST_BORROW = 86, 0 => 1, None, LOAD_FAST_BORROW, [ARG LOCAL PURE];
            LOAD_FAST_BORROW_LOAD_FAST_BORROW = 87, 0 => 2, None, LOAD_FAST_BORROW_LOAD_FAST_BORROW, [ARG LOCAL];
            LOAD_FAST_CHECK = 88, 0 => 1, None, LOAD_FAST_CHECK, [ARG LOCAL ERROR ESCAPES];
            LOAD_FAST_LOAD_FAST = 89, 0 => 2, None, LOAD_FAST_LOAD_FAST, [ARG LOCAL];
            LOAD_FROM_DICT_OR_DEREF = 90, 1 => 1, None, LOAD_FROM_DICT_OR_DEREF, [ARG FREE ERROR ERROR_NO_POP ESCAPES];
            LOAD_FROM_DICT_OR_GLOBALS = 91, 1 => 1, None, LOAD_FROM_DICT_OR_GLOBALS, [ARG NAME ERROR ERROR_NO_POP ESCAPES];
            LOAD_GLOBAL = 92, 0 => (1 + bit), LoadGlobal, LOAD_GLOBAL, [ARG NAME ERROR ESCAPES];
            LOAD_NAME = 93, 0 => 1, None, LOAD_NAME, [ARG NAME ERROR ESCAPES];
            LOAD_SMALL_INT = 94, 0 => 1, None, LOAD_SMALL_INT, [ARG];
            LOAD_SPECIAL = 95, 1 => 2, None, LOAD_SPECIAL, [ARG ERROR ERROR_NO_POP ESCAPES];
            LOAD_SUPER_ATTR = 96, 3 => (1 + bit), Counter, LOAD_SUPER_ATTR, [ARG NAME ERROR ESCAPES];
            MAKE_CELL = 97, 0 => 0, None, MAKE_CELL, [ARG FREE ERROR ERROR_NO_POP ESCAPES];
            MAP_ADD = 98, (2 + 1 n) => (0 + 1 n), None, MAP_ADD, [ARG ERROR ESCAPES];
            MATCH_CLASS = 99, 3 => 1, None, MATCH_CLASS, [ARG ERROR ESCAPES];
            POP_JUMP_IF_FALSE = 100, 1 => 0, Counter, POP_JUMP_IF_FALSE, [ARG JUMP];
            POP_JUMP_IF_NONE = 101, 1 => 0, Counter, POP_JUMP_IF_NONE, [ARG JUMP];
            POP_JUMP_IF_NOT_NONE = 102, 1 => 0, Counter, POP_JUMP_IF_NOT_NONE, [ARG JUMP];
            POP_JUMP_IF_TRUE = 103, 1 => 0, Counter, POP_JUMP_IF_TRUE, [ARG JUMP];
            RAISE_VARARGS = 104, (0 + 1 n) => 0, None, RAISE_VARARGS, [ARG ERROR ERROR_NO_POP ESCAPES];
            RERAISE = 105, (1 + 1 n) => (0 + 1 n), None, RERAISE, [ARG ERROR ERROR_NO_POP ESCAPES];
            SEND = 106, 2 => 2, Counter, SEND, [ARG JUMP ERROR ESCAPES];
            SET_ADD = 107, (1 + 1 n) => (0 + 1 n), None, SET_ADD, [ARG ERROR ESCAPES];
            SET_FUNCTION_ATTRIBUTE = 108, 2 => 1, None, SET_FUNCTION_ATTRIBUTE, [ARG ERROR ESCAPES];
            SET_UPDATE = 109, (1 + 1 n) => (0 + 1 n), None, SET_UPDATE, [ARG ERROR ESCAPES];
            STORE_ATTR = 110, 2 => 0, StoreAttr, STORE_ATTR, [ARG NAME ERROR ESCAPES];
            STORE_DEREF = 111, 1 => 0, None, STORE_DEREF, [ARG FREE ESCAPES];
            STORE_FAST = 112, 1 => 0, None, STORE_FAST, [ARG LOCAL ESCAPES];
            STORE_FAST_LOAD_FAST = 113, 1 => 1, None, STORE_FAST_LOAD_FAST, [ARG LOCAL ESCAPES];
            STORE_FAST_STORE_FAST = 114, 2 => 0, None, STORE_FAST_STORE_FAST, [ARG LOCAL ESCAPES];
            STORE_GLOBAL = 115, 1 => 0, None, STORE_GLOBAL, [ARG NAME ERROR ESCAPES];
            STORE_NAME = 116, 1 => 0, None, STORE_NAME, [ARG NAME ERROR ESCAPES];
            SWAP = 117, (0 + 1 n) => (0 + 1 n), None, SWAP, [ARG PURE];
            UNPACK_EX = 118, 1 => (unpack), None, UNPACK_EX, [ARG ERROR ESCAPES];
            UNPACK_SEQUENCE = 119, 1 => (0 + 1 n), Counter, UNPACK_SEQUENCE, [ARG ERROR ESCAPES];
            YIELD_VALUE = 120, 1 => 1, None, YIELD_VALUE, [ARG ESCAPES];
            RESUME = 128, 0 => 0, None, RESUME, [ARG EVAL_BREAK ERROR ERROR_NO_POP ESCAPES];
            BINARY_OP_ADD_FLOAT = 129, 2 => 1, BinaryOp, BINARY_OP, [EXIT ERROR];
            BINARY_OP_ADD_INT = 130, 2 => 1, BinaryOp, BINARY_OP, [EXIT ERROR ESCAPES];
            BINARY_OP_ADD_UNICODE = 131, 2 => 1, BinaryOp, BINARY_OP, [EXIT ERROR];
            BINARY_OP_EXTEND = 132, 2 => 1, BinaryOp, BINARY_OP, [DEOPT ERROR ESCAPES];
            BINARY_OP_MULTIPLY_FLOAT = 133, 2 => 1, BinaryOp, BINARY_OP, [EXIT ERROR];
            BINARY_OP_MULTIPLY_INT = 134, 2 => 1, BinaryOp, BINARY_OP, [EXIT ERROR ESCAPES];
            BINARY_OP_SUBSCR_DICT = 135, 2 => 1, BinaryOp, BINARY_OP, [EXIT ERROR ESCAPES];
            BINARY_OP_SUBSCR_GETITEM = 136, 2 => 0, BinaryOp, BINARY_OP, [DEOPT];
            BINARY_OP_SUBSCR_LIST_INT = 137, 2 => 1, BinaryOp, BINARY_OP, [DEOPT EXIT ESCAPES];
            BINARY_OP_SUBSCR_LIST_SLICE = 138, 2 => 1, BinaryOp, BINARY_OP, [EXIT ERROR ESCAPES];
            BINARY_OP_SUBSCR_STR_INT = 139, 2 => 1, BinaryOp, BINARY_OP, [DEOPT EXIT ESCAPES];
            BINARY_OP_SUBSCR_TUPLE_INT = 140, 2 => 1, BinaryOp, BINARY_OP, [DEOPT EXIT];
            BINARY_OP_SUBTRACT_FLOAT = 141, 2 => 1, BinaryOp, BINARY_OP, [EXIT ERROR];
            BINARY_OP_SUBTRACT_INT = 142, 2 => 1, BinaryOp, BINARY_OP, [EXIT ERROR ESCAPES];
            CALL_ALLOC_AND_ENTER_INIT = 143, (2 + 1 n) => 0, Call, CALL, [ARG DEOPT ERROR ERROR_NO_POP ESCAPES];
            CALL_BOUND_METHOD_EXACT_ARGS = 144, (2 + 1 n) => 0, Call, CALL, [ARG DEOPT EXIT ESCAPES];
            CALL_BOUND_METHOD_GENERAL = 145, (2 + 1 n) => 0, Call, CALL, [ARG DEOPT EXIT ERROR ERROR_NO_POP ESCAPES];
            CALL_BUILTIN_CLASS = 146, (2 + 1 n) => 1, Call, CALL, [ARG EVAL_BREAK DEOPT ERROR ESCAPES];
            CALL_BUILTIN_FAST = 147, (2 + 1 n) => 1, Call, CALL, [ARG EVAL_BREAK DEOPT ERROR ESCAPES];
            CALL_BUILTIN_FAST_WITH_KEYWORDS = 148, (2 + 1 n) => 1, Call, CALL, [ARG EVAL_BREAK DEOPT ERROR ESCAPES];
            CALL_BUILTIN_O = 149, (2 + 1 n) => 1, Call, CALL, [ARG EVAL_BREAK EXIT ERROR ESCAPES];
            CALL_ISINSTANCE = 150, (2 + 1 n) => 1, Call, CALL, [ARG DEOPT ERROR ERROR_NO_POP ESCAPES];
            CALL_KW_BOUND_METHOD = 151, (3 + 1 n) => 0, Call, CALL_KW, [ARG DEOPT EXIT ERROR ESCAPES];
            CALL_KW_NON_PY = 152, (3 + 1 n) => 1, Call, CALL_KW, [ARG EVAL_BREAK EXIT ERROR ESCAPES];
            CALL_KW_PY = 153, (3 + 1 n) => 0, Call, CALL_KW, [ARG DEOPT EXIT ERROR ESCAPES];
            CALL_LEN = 154, 3 => 1, Call, CALL, [DEOPT ERROR ERROR_NO_POP ESCAPES];
            CALL_LIST_APPEND = 155, 3 => 0, Call, CALL, [ARG DEOPT ERROR ESCAPES];
            CALL_METHOD_DESCRIPTOR_FAST = 156, (2 + 1 n) => 1, Call, CALL, [ARG EVAL_BREAK EXIT ERROR ESCAPES];
            CALL_METHOD_DESCRIPTOR_FAST_WITH_KEYWORDS = 157, (2 + 1 n) => 1, Call, CALL, [ARG EVAL_BREAK EXIT ERROR ESCAPES];
            CALL_METHOD_DESCRIPTOR_NOARGS = 158, (2 + 1 n) => 1, Call, CALL, [ARG EVAL_BREAK EXIT ERROR ESCAPES];
            CALL_METHOD_DESCRIPTOR_O = 159, (2 + 1 n) => 1, Call, CALL, [ARG EVAL_BREAK EXIT ERROR ESCAPES];
            CALL_NON_PY_GENERAL = 160, (2 + 1 n) => 1, Call, CALL, [ARG EVAL_BREAK EXIT ERROR ESCAPES];
            CALL_PY_EXACT_ARGS = 161, (2 + 1 n) => 0, Call, CALL, [ARG DEOPT EXIT];
            CALL_PY_GENERAL = 162, (2 + 1 n) => 0, Call, CALL, [ARG DEOPT EXIT ERROR ERROR_NO_POP ESCAPES];
            CALL_STR_1 = 163, 3 => 1, Call, CALL, [ARG EVAL_BREAK DEOPT ERROR ESCAPES];
            CALL_TUPLE_1 = 164, 3 => 1, Call, CALL, [ARG EVAL_BREAK DEOPT ERROR ESCAPES];
            CALL_TYPE_1 = 165, 3 => 1, Call, CALL, [ARG DEOPT ESCAPES];
            COMPARE_OP_FLOAT = 166, 2 => 1, Counter, COMPARE_OP, [ARG EXIT];
            COMPARE_OP_INT = 167, 2 => 1, Counter, COMPARE_OP, [ARG DEOPT EXIT];
            COMPARE_OP_STR = 168, 2 => 1, Counter, COMPARE_OP, [ARG EXIT];
            CONTAINS_OP_DICT = 169, 2 => 1, Counter, CONTAINS_OP, [ARG EXIT ERROR ESCAPES];
            CONTAINS_OP_SET = 170, 2 => 1, Counter, CONTAINS_OP, [ARG DEOPT ERROR ESCAPES];
            FOR_ITER_GEN = 171, 1 => 1, Counter, FOR_ITER, [ARG DEOPT];
            FOR_ITER_LIST = 172, 1 => 2, Counter, FOR_ITER, [ARG JUMP DEOPT EXIT ESCAPES];
            FOR_ITER_RANGE = 173, 1 => 2, Counter, FOR_ITER, [ARG JUMP EXIT ERROR];
            FOR_ITER_TUPLE = 174, 1 => 2, Counter, FOR_ITER, [ARG JUMP EXIT ESCAPES];
            JUMP_BACKWARD_JIT = 175, 0 => 0, Counter, JUMP_BACKWARD, [ARG JUMP EVAL_BREAK ERROR ESCAPES];
            JUMP_BACKWARD_NO_JIT = 176, 0 => 0, Counter, JUMP_BACKWARD, [ARG JUMP EVAL_BREAK ERROR ESCAPES];
            LOAD_ATTR_CLASS = 177, 1 => (1 + bit), LoadAttr, LOAD_ATTR, [ARG EXIT];
            LOAD_ATTR_CLASS_WITH_METACLASS_CHECK = 178, 1 => (1 + bit), LoadAttr, LOAD_ATTR, [ARG EXIT];
            LOAD_ATTR_GETATTRIBUTE_OVERRIDDEN = 179, 1 => 1, LoadAttr, LOAD_ATTR, [ARG NAME DEOPT];
            LOAD_ATTR_INSTANCE_VALUE = 180, 1 => (1 + bit), LoadAttr, LOAD_ATTR, [ARG DEOPT EXIT ESCAPES];
            LOAD_ATTR_METHOD_LAZY_DICT = 181, 1 => 2, LoadAttr, LOAD_ATTR, [ARG DEOPT EXIT];
            LOAD_ATTR_METHOD_NO_DICT = 182, 1 => 2, LoadAttr, LOAD_ATTR, [ARG EXIT];
            LOAD_ATTR_METHOD_WITH_VALUES = 183, 1 => 2, LoadAttr, LOAD_ATTR, [ARG DEOPT EXIT];
            LOAD_ATTR_MODULE = 184, 1 => (1 + bit), LoadAttr, LOAD_ATTR, [ARG DEOPT ESCAPES];
            LOAD_ATTR_NONDESCRIPTOR_NO_DICT = 185, 1 => 1, LoadAttr, LOAD_ATTR, [ARG EXIT ESCAPES];
            LOAD_ATTR_NONDESCRIPTOR_WITH_VALUES = 186, 1 => 1, LoadAttr, LOAD_ATTR, [ARG DEOPT EXIT ESCAPES];
            LOAD_ATTR_PROPERTY = 187, 1 => 0, LoadAttr, LOAD_ATTR, [ARG DEOPT EXIT];
            LOAD_ATTR_SLOT = 188, 1 => (1 + bit), LoadAttr, LOAD_ATTR, [ARG DEOPT EXIT];
            LOAD_ATTR_WITH_HINT = 189, 1 => (1 + bit), LoadAttr, LOAD_ATTR, [ARG NAME DEOPT EXIT ESCAPES];
            LOAD_CONST_IMMORTAL = 190, 0 => 1, None, LOAD_CONST, [ARG CONST];
            LOAD_CONST_MORTAL = 191, 0 => 1, None, LOAD_CONST, [ARG CONST];
            LOAD_GLOBAL_BUILTIN = 192, 0 => (1 + bit), LoadGlobal, LOAD_GLOBAL, [ARG DEOPT];
            LOAD_GLOBAL_MODULE = 193, 0 => (1 + bit), LoadGlobal, LOAD_GLOBAL, [ARG DEOPT];
            LOAD_SUPER_ATTR_ATTR = 194, 3 => 1, Counter, LOAD_SUPER_ATTR, [ARG NAME DEOPT ERROR ESCAPES];
            LOAD_SUPER_ATTR_METHOD = 195, 3 => 2, Counter, LOAD_SUPER_ATTR, [ARG NAME DEOPT ERROR ERROR_NO_POP ESCAPES];
            RESUME_CHECK = 196, 0 => 0, None, RESUME, [DEOPT];
            SEND_GEN = 197, 2 => 1, Counter, SEND, [ARG DEOPT];
            STORE_ATTR_INSTANCE_VALUE = 198, 2 => 0, StoreAttr, STORE_ATTR, [EXIT ESCAPES];
            STORE_ATTR_SLOT = 199, 2 => 0, StoreAttr, STORE_ATTR, [DEOPT EXIT ESCAPES];
            STORE_ATTR_WITH_HINT = 200, 2 => 0, StoreAttr, STORE_ATTR, [ARG NAME DEOPT EXIT ESCAPES];
            STORE_SUBSCR_DICT = 201, 3 => 0, Counter, STORE_SUBSCR, [EXIT ERROR ESCAPES];
            STORE_SUBSCR_LIST_INT = 202, 3 => 0, Counter, STORE_SUBSCR, [DEOPT EXIT ESCAPES];
            TO_BOOL_ALWAYS_TRUE = 203, 1 => 1, ToBool, TO_BOOL, [EXIT ESCAPES];
            TO_BOOL_BOOL = 204, 1 => 1, ToBool, TO_BOOL, [EXIT];
            TO_BOOL_INT = 205, 1 => 1, ToBool, TO_BOOL, [EXIT ESCAPES];
            TO_BOOL_LIST = 206, 1 => 1, ToBool, TO_BOOL, [EXIT];
            TO_BOOL_NONE = 207, 1 => 1, ToBool, TO_BOOL, [EXIT];
            TO_BOOL_STR = 208, 1 => 1, ToBool, TO_BOOL, [EXIT ESCAPES];
            UNPACK_SEQUENCE_LIST = 209, 1 => (0 + 1 n), Counter, UNPACK_SEQUENCE, [ARG DEOPT EXIT];
            UNPACK_SEQUENCE_TUPLE = 210, 1 => (0 + 1 n), Counter, UNPACK_SEQUENCE, [ARG DEOPT EXIT];
            UNPACK_SEQUENCE_TWO_TUPLE = 211, 1 => 2, Counter, UNPACK_SEQUENCE, [ARG DEOPT EXIT ESCAPES];
            INSTRUMENTED_END_FOR = 234, 2 => 1, None, INSTRUMENTED_END_FOR, [ERROR ERROR_NO_POP ESCAPES NO_SAVE_IP];
            INSTRUMENTED_POP_ITER = 235, 1 => 0, None, INSTRUMENTED_POP_ITER, [ESCAPES];
            INSTRUMENTED_END_SEND = 236, 2 => 1, None, INSTRUMENTED_END_SEND, [ERROR ERROR_NO_POP ESCAPES];
            INSTRUMENTED_FOR_ITER = 237, 1 => 2, None, INSTRUMENTED_FOR_ITER, [ARG JUMP ERROR ERROR_NO_POP ESCAPES];
            INSTRUMENTED_INSTRUCTION = 238, 0 => 0, None, INSTRUMENTED_INSTRUCTION, [ERROR ESCAPES];
            INSTRUMENTED_JUMP_FORWARD = 239, 0 => 0, None, INSTRUMENTED_JUMP_FORWARD, [ARG];
            INSTRUMENTED_NOT_TAKEN = 240, 0 => 0, None, INSTRUMENTED_NOT_TAKEN, [];
            INSTRUMENTED_POP_JUMP_IF_TRUE = 241, 1 => 0, None, INSTRUMENTED_POP_JUMP_IF_TRUE, [ARG];
            INSTRUMENTED_POP_JUMP_IF_FALSE = 242, 1 => 0, None, INSTRUMENTED_POP_JUMP_IF_FALSE, [ARG];
            INSTRUMENTED_POP_JUMP_IF_NONE = 243, 1 => 0, None, INSTRUMENTED_POP_JUMP_IF_NONE, [ARG ESCAPES];
            INSTRUMENTED_POP_JUMP_IF_NOT_NONE = 244, 1 => 0, None, INSTRUMENTED_POP_JUMP_IF_NOT_NONE, [ARG ESCAPES];
            INSTRUMENTED_RESUME = 245, 0 => 0, None, INSTRUMENTED_RESUME, [ARG EVAL_BREAK ERROR ERROR_NO_POP ESCAPES];
            INSTRUMENTED_RETURN_VALUE = 246, 1 => 1, None, INSTRUMENTED_RETURN_VALUE, [ERROR ESCAPES];
            INSTRUMENTED_YIELD_VALUE = 247, 1 => 1, None, INSTRUMENTED_YIELD_VALUE, [ARG ERROR ERROR_NO_POP ESCAPES];
            INSTRUMENTED_END_ASYNC_FOR = 248, 2 => 0, None, INSTRUMENTED_END_ASYNC_FOR, [ARG JUMP ERROR ERROR_NO_POP ESCAPES];
            INSTRUMENTED_LOAD_SUPER_ATTR = 249, 3 => (1 + bit), None, INSTRUMENTED_LOAD_SUPER_ATTR, [ARG NAME ERROR ESCAPES];
            INSTRUMENTED_CALL = 250, (2 + 1 n) => 1, None, INSTRUMENTED_CALL, [ARG EVAL_BREAK ERROR ERROR_NO_POP ESCAPES];
            INSTRUMENTED_CALL_KW = 251, (3 + 1 n) => 1, None, INSTRUMENTED_CALL_KW, [ARG ERROR ERROR_NO_POP ESCAPES];
            INSTRUMENTED_CALL_FUNCTION_EX = 252, 4 => 1, None, INSTRUMENTED_CALL_FUNCTION_EX, [EVAL_BREAK ERROR ERROR_NO_POP ESCAPES];
            INSTRUMENTED_JUMP_BACKWARD = 253, 0 => 0, None, INSTRUMENTED_JUMP_BACKWARD, [ARG EVAL_BREAK ERROR ESCAPES];
            INSTRUMENTED_LINE = 254, 0 => 0, None, INSTRUMENTED_LINE, [ESCAPES];
            ENTER_EXECUTOR = 255, 0 => 0, None, ENTER_EXECUTOR, [ARG];
            ANNOTATIONS_PLACEHOLDER = 256, 0 => 0, None, ANNOTATIONS_PLACEHOLDER, [PURE];
            JUMP = 257, 0 => 0, None, JUMP, [ARG JUMP EVAL_BREAK ERROR ESCAPES];
            JUMP_IF_FALSE = 258, 1 => 1, None, JUMP_IF_FALSE, [ARG JUMP ERROR ESCAPES];
            JUMP_IF_TRUE = 259, 1 => 1, None, JUMP_IF_TRUE, [ARG JUMP ERROR ESCAPES];
            JUMP_NO_INTERRUPT = 260, 0 => 0, None, JUMP_NO_INTERRUPT, [ARG JUMP];
            LOAD_CLOSURE = 261, 0 => 1, None, LOAD_CLOSURE, [ARG LOCAL PURE];
            POP_BLOCK = 262, 0 => 0, None, POP_BLOCK, [PURE];
            SETUP_CLEANUP = 263, 0 => 2, None, SETUP_CLEANUP, [PURE ARG];
            SETUP_FINALLY = 264, 0 => 1, None, SETUP_FINALLY, [PURE ARG];
            SETUP_WITH = 265, 0 => 1, None, SETUP_WITH, [PURE ARG];
            STORE_FAST_MAYBE_NULL = 266, 1 => 0, None, STORE_FAST_MAYBE_NULL, [ARG LOCAL ESCAPES];
        }
    };
}

/// Flags of an opcode, with the meaning that CPython's metadata gives them.
pub mod flag {
    /// The operand has a meaning.
    pub const ARG: u32 = 1;
    /// The operand indexes `co_consts`.
    pub const CONST: u32 = 1 << 1;
    /// The operand indexes `co_names` (perhaps shifted).
    pub const NAME: u32 = 1 << 2;
    /// The operand is a jump's distance or target.
    pub const JUMP: u32 = 1 << 3;
    /// The operand indexes a cell or free variable.
    pub const FREE: u32 = 1 << 4;
    /// The operand indexes a local variable.
    pub const LOCAL: u32 = 1 << 5;
    /// The instruction looks at the eval breaker.
    pub const EVAL_BREAK: u32 = 1 << 6;
    /// A specialised instruction that may fall back to its base.
    pub const DEOPT: u32 = 1 << 7;
    /// The instruction can raise.
    pub const ERROR: u32 = 1 << 8;
    /// The instruction can run arbitrary code.
    pub const ESCAPES: u32 = 1 << 9;
    /// A specialised instruction that may leave a trace.
    pub const EXIT: u32 = 1 << 10;
    /// No effect but on the stack.
    pub const PURE: u32 = 1 << 11;
    /// Can raise before it pops.
    pub const ERROR_NO_POP: u32 = 1 << 14;
    /// Does not save the instruction pointer.
    pub const NO_SAVE_IP: u32 = 1 << 15;
}

/// The layout of the inline cache behind an instruction: field names and their sizes in code units of two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caches {
    None,
    Counter,
    BinaryOp,
    Call,
    LoadAttr,
    LoadGlobal,
    StoreAttr,
    ToBool,
}

impl Caches {
    /// Field names with their lengths in code units, in order of their place. `LoadAttr` has `keys_version` where some
    /// specialisations keep a dictionary offset.
    pub const fn layout(self) -> &'static [(&'static str, u8)] {
        match self {
            Caches::None => &[],
            Caches::Counter => &[("counter", 1)],
            Caches::BinaryOp => &[("counter", 1), ("descr", 4)],
            Caches::Call => &[("counter", 1), ("func_version", 2)],
            Caches::LoadAttr => &[("counter", 1), ("version", 2), ("keys_version", 2), ("descr", 4)],
            Caches::LoadGlobal => &[("counter", 1), ("index", 1), ("module_keys_version", 1), ("builtin_keys_version", 1)],
            Caches::StoreAttr => &[("counter", 1), ("version", 2), ("index", 1)],
            Caches::ToBool => &[("counter", 1), ("version", 2)],
        }
    }

    /// Length in code units.
    pub const fn len(self) -> usize {
        match self {
            Caches::None => 0,
            Caches::Counter => 1,
            Caches::Call | Caches::ToBool => 3,
            Caches::LoadGlobal | Caches::StoreAttr => 4,
            Caches::BinaryOp => 5,
            Caches::LoadAttr => 9,
        }
    }

    /// Whether there is no cache.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// A number of stack items as a function of the operand.
#[derive(Clone, Copy)]
pub(crate) enum Count {
    Fixed(i32),
    PerArg(i32, i32),
    Bit(i32),
    Unpack,
}

/// A [`Count`] without cases: `base`, and `factor` times the operand or its lowest bit.
#[derive(Clone, Copy)]
struct Linear {
    base: i8,
    factor: i8,
    bit: bool,
    /// UNPACK_EX, whose operand is two numbers.
    unpack: bool,
}

impl Linear {
    const fn new(count: Count) -> Linear {
        let (base, factor, bit) = match count {
            Count::Fixed(n) => (n, 0, false),
            Count::PerArg(n, factor) => (n, factor, false),
            Count::Bit(n) => (n, 1, true),
            Count::Unpack => (1, 0, false),
        };
        Linear { base: base as i8, factor: factor as i8, bit, unpack: matches!(count, Count::Unpack) }
    }

    /// The difference. One of the two is fixed if the other takes the lowest bit.
    const fn less(self, other: Linear) -> Linear {
        assert!(!(self.bit && other.factor != 0 || other.bit && self.factor != 0 || other.unpack));
        let base = self.base - other.base;
        Linear { base, factor: self.factor - other.factor, bit: self.bit || other.bit, unpack: self.unpack }
    }

    #[inline]
    const fn at(self, oparg: i32) -> i32 {
        if self.unpack {
            return self.base as i32 + (oparg & 0xff) + (oparg >> 8);
        }
        let n = if self.bit { oparg & 1 } else { oparg };
        (self.base as i32).wrapping_add(n.wrapping_mul(self.factor as i32))
    }
}

#[derive(Clone, Copy)]
struct Row {
    name: &'static str,
    popped: Count,
    pushed: Count,
    caches: Caches,
    cache_len: u8,
    base: Opcode,
    flags: u32,
}

macro_rules! count {
    ((unpack)) => { Count::Unpack };
    (($n:literal + bit)) => { Count::Bit($n) };
    (($n:literal + $factor:literal n)) => { Count::PerArg($n, $factor) };
    ($n:literal) => { Count::Fixed($n) };
}

macro_rules! define {
    ($($name:ident = $number:literal, $popped:tt => $pushed:tt, $caches:ident, $base:ident, [$($flag:ident)*];)*) => {
        /// An opcode by its CPython name. Its number is the discriminant.
        #[allow(non_camel_case_types, reason = "the names are CPython's")]
        #[allow(clippy::upper_case_acronyms, reason = "the names are CPython's")]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Opcode {
            $($name = $number,)*
        }

        impl Opcode {
            /// Every opcode in the order of the numbers.
            pub const ALL: &'static [Opcode] = &[$(Opcode::$name,)*];
        }

        const ROWS: [Row; 267] = {
            let mut rows = [NO_ROW; 267];
            $(rows[$number] = Row {
                name: stringify!($name),
                popped: count!($popped),
                pushed: count!($pushed),
                caches: Caches::$caches,
                cache_len: Caches::$caches.len() as u8,
                base: Opcode::$base,
                flags: 0 $(| flag::$flag)*,
            };)*
            rows
        };

        const NUMBERS: [Option<Opcode>; 267] = {
            let mut numbers = [None; 267];
            $(numbers[$number] = Some(Opcode::$name);)*
            numbers
        };
    };
}

for_each_opcode!(define);

static TABLE: [Row; 267] = ROWS;

/// What hot loops of the compiler ask, side by side.
#[derive(Clone, Copy)]
struct Hot {
    flags: u16,
    popped: Linear,
    pushed: Linear,
    /// What is pushed less what is popped.
    effect: Linear,
    cache_len: u8,
    /// Neither specialised nor instrumented.
    plain: bool,
}

/// As long as any number that [`Opcode::hot`] leaves of an opcode.
static HOT: [Hot; 512] = {
    let none = Linear::new(Count::Fixed(0));
    let mut hot = [Hot { flags: 0, popped: none, pushed: none, effect: none, cache_len: 0, plain: true }; 512];
    let mut number = 0;
    while number < ROWS.len() {
        let row = ROWS[number];
        assert!(row.flags <= u16::MAX as u32);
        let plain = number > MAX_REAL_OPCODE as usize || row.base as usize == number;
        let (popped, pushed) = (Linear::new(row.popped), Linear::new(row.pushed));
        hot[number] = Hot { flags: row.flags as u16, popped, pushed, effect: pushed.less(popped), cache_len: row.cache_len, plain };
        number += 1;
    }
    hot
};

/// For tables that are made at compile time.
impl Opcode {
    /// Items popped and pushed.
    pub(crate) const fn counts(self) -> (Count, Count) {
        (ROWS[self as usize].popped, ROWS[self as usize].pushed)
    }

    pub(crate) const fn const_caches(self) -> usize {
        ROWS[self as usize].cache_len as usize
    }

    pub(crate) const fn const_flags(self) -> u32 {
        ROWS[self as usize].flags
    }

    /// [`Opcode::deopt`] by its number.
    pub(crate) const fn const_base(self) -> u16 {
        ROWS[self as usize].base as u16
    }
}

/// What is read of a number that no opcode has; the enum's variants all have rows.
const NO_ROW: Row = Row {
    name: "",
    popped: Count::Fixed(0),
    pushed: Count::Fixed(0),
    caches: Caches::None,
    cache_len: 0,
    base: Opcode::CACHE,
    flags: 0,
};

/// Opcodes from here on carry an operand, among the unspecialised ones.
pub const HAVE_ARGUMENT: u16 = 43;
/// The first specialised opcode.
pub const MIN_SPECIALIZED_OPCODE: u16 = 129;
/// The first instrumented opcode.
pub const MIN_INSTRUMENTED_OPCODE: u16 = 234;
/// The largest opcode that a code object can hold.
pub const MAX_REAL_OPCODE: u16 = 254;

impl Opcode {
    #[inline]
    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    #[inline]
    fn hot(self) -> &'static Hot {
        &HOT[self as usize % HOT.len()]
    }

    /// The opcode of a number; also `TryFrom<u16>`.
    #[inline]
    pub const fn from_u16(number: u16) -> Option<Opcode> {
        if (number as usize) < NUMBERS.len() { NUMBERS[number as usize] } else { None }
    }

    /// CPython's name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The opcode of a name.
    pub fn from_name(name: &str) -> Option<Opcode> {
        Opcode::ALL.iter().copied().find(|op| op.name() == name)
    }

    /// The number; pseudo opcodes are above 255.
    #[inline]
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// Code units of inline cache behind the instruction.
    #[inline]
    pub fn caches(self) -> usize {
        self.hot().cache_len as usize
    }

    /// The layout of the inline cache.
    #[inline]
    pub fn cache_layout(self) -> Caches {
        self.row().caches
    }

    /// The opcode that `co_code` shows: the base of a specialised or instrumented opcode, itself otherwise. As in
    /// CPython, INSTRUMENTED_LINE, INSTRUMENTED_INSTRUCTION and ENTER_EXECUTOR hide theirs elsewhere and stand for themselves here.
    #[inline]
    pub fn deopt(self) -> Opcode {
        self.row().base
    }

    /// All flags, see [`flag`].
    #[inline]
    pub fn flags(self) -> u32 {
        self.row().flags
    }

    /// Whether one of the flags in `mask` is set.
    #[inline]
    pub fn has(self, mask: u32) -> bool {
        u32::from(self.hot().flags) & mask != 0
    }

    /// The operand has a meaning.
    #[inline]
    pub fn has_arg(self) -> bool {
        self.has(flag::ARG)
    }

    /// The operand indexes `co_consts`.
    #[inline]
    pub fn has_const(self) -> bool {
        self.has(flag::CONST)
    }

    /// The operand indexes `co_names`.
    #[inline]
    pub fn has_name(self) -> bool {
        self.has(flag::NAME)
    }

    /// The operand is a jump.
    #[inline]
    pub fn has_jump(self) -> bool {
        self.has(flag::JUMP)
    }

    /// The operand is a cell or free variable.
    #[inline]
    pub fn has_free(self) -> bool {
        self.has(flag::FREE)
    }

    /// The operand is a local variable.
    #[inline]
    pub fn has_local(self) -> bool {
        self.has(flag::LOCAL)
    }

    /// Sets up an exception handler (`dis.hasexc`).
    #[inline]
    pub const fn is_block_push(self) -> bool {
        matches!(self, Opcode::SETUP_FINALLY | Opcode::SETUP_WITH | Opcode::SETUP_CLEANUP)
    }

    /// Has a block as its target: jumps and handler set-up.
    #[inline]
    pub fn has_target(self) -> bool {
        self.has_jump() || self.is_block_push()
    }

    /// Leaves the frame.
    #[inline]
    pub const fn is_scope_exit(self) -> bool {
        matches!(self, Opcode::RETURN_VALUE | Opcode::RAISE_VARARGS | Opcode::RERAISE)
    }

    /// Must be the last of its basic block.
    #[inline]
    pub fn is_terminator(self) -> bool {
        self.has_jump() || self.is_scope_exit()
    }

    /// Jumps whatever the stack holds.
    #[inline]
    pub const fn is_unconditional_jump(self) -> bool {
        matches!(
            self,
            Opcode::JUMP
                | Opcode::JUMP_NO_INTERRUPT
                | Opcode::JUMP_FORWARD
                | Opcode::JUMP_BACKWARD
                | Opcode::JUMP_BACKWARD_NO_INTERRUPT
        )
    }

    /// One of the four POP_JUMP_IF.
    #[inline]
    pub const fn is_conditional_jump(self) -> bool {
        matches!(
            self,
            Opcode::POP_JUMP_IF_FALSE
                | Opcode::POP_JUMP_IF_TRUE
                | Opcode::POP_JUMP_IF_NONE
                | Opcode::POP_JUMP_IF_NOT_NONE
        )
    }

    /// Jumps towards the start.
    #[inline]
    pub const fn is_backwards_jump(self) -> bool {
        matches!(self, Opcode::JUMP_BACKWARD | Opcode::JUMP_BACKWARD_NO_INTERRUPT)
    }

    /// Emitted by the assembler only, never by code generation.
    #[inline]
    pub const fn is_assembler(self) -> bool {
        matches!(self, Opcode::JUMP_FORWARD | Opcode::JUMP_BACKWARD | Opcode::JUMP_BACKWARD_NO_INTERRUPT)
    }

    /// Exists in the compiler only.
    #[inline]
    pub const fn is_pseudo(self) -> bool {
        self as u16 > 255
    }

    /// Items taken off the stack, for any opcode.
    #[inline]
    pub fn popped(self, oparg: i32) -> i32 {
        self.hot().popped.at(oparg)
    }

    /// Items put on the stack, for any opcode.
    #[inline]
    pub fn pushed(self, oparg: i32) -> i32 {
        self.hot().pushed.at(oparg)
    }

    /// `_opcode.stack_effect`: the change of the stack's depth, when the jump is taken, when not, or the larger of both. `None`
    /// for specialised and instrumented opcodes and effects beyond an `i32`.
    #[inline]
    pub fn stack_effect(self, oparg: i32, jump: Option<bool>) -> Option<i32> {
        if !self.hot().plain {
            return None;
        }
        let taken = match oparg {
            // Nothing overflows.
            0..=0xff_ffff => self.hot().effect.at(oparg),
            _ => self.large_stack_effect(oparg)?,
        };
        let through = if self.is_block_push() { 0 } else { taken };
        Some(match jump {
            Some(true) => taken,
            Some(false) => through,
            None => taken.max(through),
        })
    }

    #[cold]
    fn large_stack_effect(self, oparg: i32) -> Option<i32> {
        let (popped, pushed) = (self.popped(oparg), self.pushed(oparg));
        if popped < 0 || pushed < 0 { None } else { pushed.checked_sub(popped) }
    }
}

impl TryFrom<u16> for Opcode {
    type Error = u16;

    fn try_from(number: u16) -> Result<Opcode, u16> {
        Opcode::from_u16(number).ok_or(number)
    }
}

impl fmt::Debug for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Declares an operand's table: an enum with CPython's names and numbers, and the text each one is shown by.
macro_rules! operand_table {
    ($(#[$doc:meta])* $enum:ident { $($(#[$item:meta])* $name:ident = $number:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[allow(non_camel_case_types, reason = "the names are CPython's")]
        #[allow(clippy::upper_case_acronyms, reason = "the names are CPython's")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $enum {
            $($(#[$item])* $name = $number,)*
        }

        impl $enum {
            /// Every entry in the order of the numbers.
            pub const ALL: &'static [$enum] = &[$($enum::$name,)*];

            /// CPython's name of the entry.
            pub const fn name(self) -> &'static str {
                match self { $($enum::$name => stringify!($name),)* }
            }

            /// How a listing shows the entry.
            pub const fn text(self) -> &'static str {
                match self { $($enum::$name => $text,)* }
            }

            /// The entry of an operand.
            pub const fn from_oparg(oparg: u32) -> Option<$enum> {
                match oparg { $($number => Some($enum::$name),)* _ => None }
            }
        }
    };
}

operand_table! {
    /// Operand of BINARY_OP.
    BinaryOp {
        NB_ADD = 0, "+";
        NB_AND = 1, "&";
        NB_FLOOR_DIVIDE = 2, "//";
        NB_LSHIFT = 3, "<<";
        NB_MATRIX_MULTIPLY = 4, "@";
        NB_MULTIPLY = 5, "*";
        NB_REMAINDER = 6, "%";
        NB_OR = 7, "|";
        NB_POWER = 8, "**";
        NB_RSHIFT = 9, ">>";
        NB_SUBTRACT = 10, "-";
        NB_TRUE_DIVIDE = 11, "/";
        NB_XOR = 12, "^";
        NB_INPLACE_ADD = 13, "+=";
        NB_INPLACE_AND = 14, "&=";
        NB_INPLACE_FLOOR_DIVIDE = 15, "//=";
        NB_INPLACE_LSHIFT = 16, "<<=";
        NB_INPLACE_MATRIX_MULTIPLY = 17, "@=";
        NB_INPLACE_MULTIPLY = 18, "*=";
        NB_INPLACE_REMAINDER = 19, "%=";
        NB_INPLACE_OR = 20, "|=";
        NB_INPLACE_POWER = 21, "**=";
        NB_INPLACE_RSHIFT = 22, ">>=";
        NB_INPLACE_SUBTRACT = 23, "-=";
        NB_INPLACE_TRUE_DIVIDE = 24, "/=";
        NB_INPLACE_XOR = 25, "^=";
        NB_SUBSCR = 26, "[]";
    }
}

operand_table! {
    /// Operand of CALL_INTRINSIC_1.
    Intrinsic1 {
        INTRINSIC_1_INVALID = 0, "INTRINSIC_1_INVALID";
        INTRINSIC_PRINT = 1, "INTRINSIC_PRINT";
        INTRINSIC_IMPORT_STAR = 2, "INTRINSIC_IMPORT_STAR";
        INTRINSIC_STOPITERATION_ERROR = 3, "INTRINSIC_STOPITERATION_ERROR";
        INTRINSIC_ASYNC_GEN_WRAP = 4, "INTRINSIC_ASYNC_GEN_WRAP";
        INTRINSIC_UNARY_POSITIVE = 5, "INTRINSIC_UNARY_POSITIVE";
        INTRINSIC_LIST_TO_TUPLE = 6, "INTRINSIC_LIST_TO_TUPLE";
        INTRINSIC_TYPEVAR = 7, "INTRINSIC_TYPEVAR";
        INTRINSIC_PARAMSPEC = 8, "INTRINSIC_PARAMSPEC";
        INTRINSIC_TYPEVARTUPLE = 9, "INTRINSIC_TYPEVARTUPLE";
        INTRINSIC_SUBSCRIPT_GENERIC = 10, "INTRINSIC_SUBSCRIPT_GENERIC";
        INTRINSIC_TYPEALIAS = 11, "INTRINSIC_TYPEALIAS";
    }
}

operand_table! {
    /// Operand of CALL_INTRINSIC_2.
    Intrinsic2 {
        INTRINSIC_2_INVALID = 0, "INTRINSIC_2_INVALID";
        INTRINSIC_PREP_RERAISE_STAR = 1, "INTRINSIC_PREP_RERAISE_STAR";
        INTRINSIC_TYPEVAR_WITH_BOUND = 2, "INTRINSIC_TYPEVAR_WITH_BOUND";
        INTRINSIC_TYPEVAR_WITH_CONSTRAINTS = 3, "INTRINSIC_TYPEVAR_WITH_CONSTRAINTS";
        INTRINSIC_SET_FUNCTION_TYPE_PARAMS = 4, "INTRINSIC_SET_FUNCTION_TYPE_PARAMS";
        INTRINSIC_SET_TYPEPARAM_DEFAULT = 5, "INTRINSIC_SET_TYPEPARAM_DEFAULT";
    }
}

operand_table! {
    /// Operand of LOAD_COMMON_CONSTANT.
    CommonConstant {
        CONSTANT_ASSERTIONERROR = 0, "AssertionError";
        CONSTANT_NOTIMPLEMENTEDERROR = 1, "NotImplementedError";
        CONSTANT_BUILTIN_TUPLE = 2, "tuple";
        CONSTANT_BUILTIN_ALL = 3, "all";
        CONSTANT_BUILTIN_ANY = 4, "any";
    }
}

operand_table! {
    /// Operand of LOAD_SPECIAL.
    SpecialMethod {
        SPECIAL___ENTER__ = 0, "__enter__";
        SPECIAL___EXIT__ = 1, "__exit__";
        SPECIAL___AENTER__ = 2, "__aenter__";
        SPECIAL___AEXIT__ = 3, "__aexit__";
    }
}

operand_table! {
    /// A rich comparison; the operand of COMPARE_OP holds it, see [`CompareOp::oparg`].
    CompareOp {
        PY_LT = 0, "<";
        PY_LE = 1, "<=";
        PY_EQ = 2, "==";
        PY_NE = 3, "!=";
        PY_GT = 4, ">";
        PY_GE = 5, ">=";
    }
}

operand_table! {
    /// Operand of CONVERT_VALUE.
    Conversion {
        FVC_NONE = 0, "";
        FVC_STR = 1, "str";
        FVC_REPR = 2, "repr";
        FVC_ASCII = 3, "ascii";
    }
}

/// Results of a comparison as bits, so that `bit & mask` answers a specialised COMPARE_OP.
pub mod comparison {
    pub const UNORDERED: u32 = 1;
    pub const LESS_THAN: u32 = 2;
    pub const GREATER_THAN: u32 = 4;
    pub const EQUALS: u32 = 8;
    pub const NOT_EQUALS: u32 = UNORDERED | LESS_THAN | GREATER_THAN;
    /// The operand bit that asks for a `bool`.
    pub const TO_BOOL: u32 = 16;
}

impl CompareOp {
    /// The results for which the comparison is true.
    pub const fn mask(self) -> u32 {
        match self {
            CompareOp::PY_LT => comparison::LESS_THAN,
            CompareOp::PY_LE => comparison::LESS_THAN | comparison::EQUALS,
            CompareOp::PY_EQ => comparison::EQUALS,
            CompareOp::PY_NE => comparison::NOT_EQUALS,
            CompareOp::PY_GT => comparison::GREATER_THAN,
            CompareOp::PY_GE => comparison::GREATER_THAN | comparison::EQUALS,
        }
    }

    /// The operand of COMPARE_OP, without the wish for a `bool`.
    pub const fn oparg(self) -> u32 {
        (self as u32) << 5 | self.mask()
    }

    /// The comparison in the operand of COMPARE_OP.
    pub const fn from_compare_oparg(oparg: u32) -> Option<CompareOp> {
        CompareOp::from_oparg(oparg >> 5)
    }
}

/// Operand of MAKE_FUNCTION's companion SET_FUNCTION_ATTRIBUTE.
pub mod make_function {
    pub const DEFAULTS: u32 = 0x01;
    pub const KWDEFAULTS: u32 = 0x02;
    pub const ANNOTATIONS: u32 = 0x04;
    pub const CLOSURE: u32 = 0x08;
    pub const ANNOTATE: u32 = 0x10;
}

/// Operand of RESUME.
pub mod resume {
    pub const AT_FUNC_START: u32 = 0;
    pub const AFTER_YIELD: u32 = 1;
    pub const AFTER_YIELD_FROM: u32 = 2;
    pub const AFTER_AWAIT: u32 = 3;
    pub const LOCATION_MASK: u32 = 3;
    pub const DEPTH1_MASK: u32 = 4;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_agree() {
        assert_eq!(Opcode::ALL.len(), 238);
        for &op in Opcode::ALL {
            assert_eq!(Opcode::try_from(op.number()), Ok(op));
            assert_eq!(Opcode::from_name(op.name()), Some(op));
            assert_eq!(op.cache_layout().layout().iter().map(|f| usize::from(f.1)).sum::<usize>(), op.caches());
            assert_eq!(op.deopt().deopt(), op.deopt());
        }
        assert_eq!(Opcode::try_from(121), Err(121));
        assert_eq!(Opcode::try_from(9999), Err(9999));
    }

    #[test]
    fn stack_effects() {
        for opcode in Opcode::ALL {
            for oparg in 0..300 {
                let effect = opcode.pushed(oparg) - opcode.popped(oparg);
                assert!(opcode.stack_effect(oparg, Some(true)).is_none_or(|known| known == effect), "{opcode} {oparg}");
            }
        }
        assert_eq!(Opcode::UNPACK_EX.stack_effect(0x203, None), Some(5));
        assert_eq!(Opcode::SETUP_WITH.stack_effect(0, Some(false)), Some(0));
        assert_eq!(Opcode::SETUP_WITH.stack_effect(0, None), Some(1));
        assert_eq!(Opcode::CALL_LEN.stack_effect(0, None), None);
        assert_eq!(CompareOp::PY_EQ.oparg(), 72);
    }
}
