//! Type slots: the function pointers through which every operation on an object goes, as in CPython's `PyTypeObject`.
//!
//! A slot is inherited from the first base in the MRO that has it; `__dunder__` names set on a class install a generic
//! function that looks the name up (see `typeobject`'s slot table).

use crate::args::Args;
use crate::protocol::buffer::Buffer;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::{Py, PyResult, Value, Vm};
use std::cell::Cell;

/// The six rich comparisons, numbered as CPython numbers them (`Py_LT` = 0 ...).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CompareOp {
    Lt,
    Le,
    Eq,
    Ne,
    Gt,
    Ge,
}

impl CompareOp {
    /// The operator with the operands swapped.
    pub fn swapped(self) -> CompareOp {
        match self {
            CompareOp::Lt => CompareOp::Gt,
            CompareOp::Le => CompareOp::Ge,
            CompareOp::Eq => CompareOp::Eq,
            CompareOp::Ne => CompareOp::Ne,
            CompareOp::Gt => CompareOp::Lt,
            CompareOp::Ge => CompareOp::Le,
        }
    }

    /// As source code writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            CompareOp::Lt => "<",
            CompareOp::Le => "<=",
            CompareOp::Eq => "==",
            CompareOp::Ne => "!=",
            CompareOp::Gt => ">",
            CompareOp::Ge => ">=",
        }
    }

    /// What the comparison says of two ordered things.
    pub fn matches(self, order: std::cmp::Ordering) -> bool {
        match self {
            CompareOp::Lt => order.is_lt(),
            CompareOp::Le => order.is_le(),
            CompareOp::Eq => order.is_eq(),
            CompareOp::Ne => order.is_ne(),
            CompareOp::Gt => order.is_gt(),
            CompareOp::Ge => order.is_ge(),
        }
    }
}

/// What sending into a generator-like object gave.
pub enum SendResult {
    /// It yielded.
    Yield(Value),
    /// It returned.
    Return(Value),
}

pub type UnaryFn = fn(&mut Vm, &Value) -> PyResult;
pub type BinaryFn = fn(&mut Vm, &Value, &Value) -> PyResult;
pub type TernaryFn = fn(&mut Vm, &Value, &Value, &Value) -> PyResult;
pub type BoolFn = fn(&mut Vm, &Value) -> PyResult<bool>;
pub type LenFn = fn(&mut Vm, &Value) -> PyResult<usize>;
pub type HashFn = fn(&mut Vm, &Value) -> PyResult<i64>;
pub type IterNextFn = fn(&mut Vm, &Value) -> PyResult<Option<Value>>;
pub type ContainsFn = fn(&mut Vm, &Value, &Value) -> PyResult<bool>;
pub type IndexFn = fn(&mut Vm, &Value, isize) -> PyResult;
/// Deletes without a value.
pub type SetItemFn = fn(&mut Vm, &Value, &Value, Option<&Value>) -> PyResult<()>;
pub type RichCompareFn = fn(&mut Vm, &Value, &Value, CompareOp) -> PyResult;
pub type CallFn = fn(&mut Vm, &Value, Args<'_>) -> PyResult;
pub type NewFn = fn(&mut Vm, &Py<PyType>, Args<'_>) -> PyResult;
pub type InitFn = fn(&mut Vm, &Value, Args<'_>) -> PyResult<()>;
pub type GetAttrFn = fn(&mut Vm, &Value, &Py<Str>) -> PyResult;
/// Deletes without a value.
pub type SetAttrFn = fn(&mut Vm, &Value, &Py<Str>, Option<&Value>) -> PyResult<()>;
/// Descriptor, object (none: looked up on the class), type.
pub type DescrGetFn = fn(&mut Vm, &Value, Option<&Value>, Option<&Value>) -> PyResult;
pub type DelFn = fn(&mut Vm, &Value) -> PyResult<()>;
pub type BufferFn = fn(&mut Vm, &Value, u32) -> PyResult<Buffer>;
pub type SendFn = fn(&mut Vm, &Value, &Value) -> PyResult<SendResult>;

macro_rules! slots {
    ($($name:ident: $ty:ty,)*) => {
        /// The slots of one type. All are copied at once on inheritance where the type has none of its own.
        pub struct Slots {
            $(pub $name: Cell<Option<$ty>>,)*
        }

        impl Slots {
            /// No slot set.
            pub const fn new() -> Slots {
                Slots { $($name: Cell::new(None),)* }
            }

            /// Takes over from `base` every slot that is not set here and for which `wanted` says so.
            pub fn inherit(&self, base: &Slots, wanted: impl Fn(&str) -> bool) {
                $(if self.$name.get().is_none() && wanted(stringify!($name)) {
                    self.$name.set(base.$name.get());
                })*
            }
        }
    };
}

slots! {
    repr: UnaryFn,
    str: UnaryFn,
    hash: HashFn,
    call: CallFn,
    richcompare: RichCompareFn,
    iter: UnaryFn,
    iternext: IterNextFn,
    getattro: GetAttrFn,
    setattro: SetAttrFn,
    descr_get: DescrGetFn,
    descr_set: SetItemFn,
    new: NewFn,
    init: InitFn,
    del: DelFn,
    buffer: BufferFn,
    await_: UnaryFn,
    aiter: UnaryFn,
    anext: UnaryFn,
    send: SendFn,
    // Containers.
    len: LenFn,
    getitem: BinaryFn,
    setitem: SetItemFn,
    contains: ContainsFn,
    concat: BinaryFn,
    repeat: IndexFn,
    item: IndexFn,
    inplace_concat: BinaryFn,
    inplace_repeat: IndexFn,
    // Numbers. Binary ones take both operands as they are: either may be of the type.
    nb_add: BinaryFn,
    nb_sub: BinaryFn,
    nb_mul: BinaryFn,
    nb_rem: BinaryFn,
    nb_divmod: BinaryFn,
    nb_pow: TernaryFn,
    nb_neg: UnaryFn,
    nb_pos: UnaryFn,
    nb_abs: UnaryFn,
    nb_bool: BoolFn,
    nb_invert: UnaryFn,
    nb_lshift: BinaryFn,
    nb_rshift: BinaryFn,
    nb_and: BinaryFn,
    nb_xor: BinaryFn,
    nb_or: BinaryFn,
    nb_int: UnaryFn,
    nb_float: UnaryFn,
    nb_index: UnaryFn,
    nb_floordiv: BinaryFn,
    nb_truediv: BinaryFn,
    nb_matmul: BinaryFn,
    nb_inplace_add: BinaryFn,
    nb_inplace_sub: BinaryFn,
    nb_inplace_mul: BinaryFn,
    nb_inplace_rem: BinaryFn,
    nb_inplace_pow: TernaryFn,
    nb_inplace_lshift: BinaryFn,
    nb_inplace_rshift: BinaryFn,
    nb_inplace_and: BinaryFn,
    nb_inplace_xor: BinaryFn,
    nb_inplace_or: BinaryFn,
    nb_inplace_floordiv: BinaryFn,
    nb_inplace_truediv: BinaryFn,
    nb_inplace_matmul: BinaryFn,
}

impl Default for Slots {
    fn default() -> Self {
        Self::new()
    }
}
