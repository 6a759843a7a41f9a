//! `int`: small ones live in the value's word, larger ones in a [`num_bigint::BigInt`].
#![allow(unsafe_code, reason = "the two bools are static ints")]

use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pyclass};
use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive};
use std::borrow::Cow;

pub mod arith;
mod methods;
pub mod text;

/// The payload of boxed ints, of the bools and of instances of subclasses.
#[pyclass(name = "int", flags(BASETYPE, LONG_SUBCLASS, MATCH_SELF), tail)]
#[repr(C)]
pub struct Int {
    #[traverse(skip)]
    pub big: BigInt,
}

/// The size of the objects of a class of ints as CPython stores them, a header and a word before digits of 30 bits, with what subclasses add.
pub(crate) fn counted_basicsize(class: &PyType) -> u32 {
    const COUNTED: u32 = 24;
    COUNTED + class.core.basicsize.get().saturating_sub(16 + size_of::<Int>() as u32)
}

/// `bool`, a subclass of `int` with two instances.
#[pyclass(name = "bool", base = Int, flags(LONG_SUBCLASS, MATCH_SELF), text_signature = "(object=False, /)")]
#[repr(C)]
pub struct Bool {
    int: Int,
}

/// Called once when the process starts: the payloads of `True` and `False`.
pub(crate) fn init_bools() {
    for (singleton, value) in [(&krait_heap::statics::TRUE, 1), (&krait_heap::statics::FALSE, 0)] {
        const { assert!(size_of::<Bool>() <= 48) };
        // SAFETY: the singleton has room for the payload; nothing reads it before this.
        unsafe { singleton.payload_ptr().cast::<Bool>().write(Bool { int: Int { big: BigInt::from(value) } }) };
    }
}

/// Two equal small ints of which at least one is boxed (a boxed int that would have fitted a word is legal).
#[inline(always)]
pub fn same_small(a: &Value, b: &Value, _: &Vm) -> bool {
    if a.is_small_int() == b.is_small_int() {
        return false;
    }
    same_boxed(a, b)
}

#[cold]
fn same_boxed(a: &Value, b: &Value) -> bool {
    let (small, boxed) = if a.is_small_int() { (a, b) } else { (b, a) };
    match (small.as_small_int(), boxed.downcast_exact::<Int>()) {
        (Some(i), Some(big)) => big.big.to_i64() == Some(i),
        _ => false,
    }
}

/// The value of an `int` (or `bool`, or instance of a subclass), borrowed.
#[derive(Debug)]
pub enum IntRef<'a> {
    Small(i64),
    Big(&'a BigInt),
}

impl<'a> IntRef<'a> {
    /// None if `value` is no int.
    #[inline(always)]
    pub fn new(value: &'a Value) -> Option<IntRef<'a>> {
        if let Some(i) = value.as_small_int() {
            return Some(IntRef::Small(i));
        }
        IntRef::boxed(value)
    }

    #[inline]
    fn boxed(value: &'a Value) -> Option<IntRef<'a>> {
        if value.is_true() {
            return Some(IntRef::Small(1));
        }
        if value.is_false() {
            return Some(IntRef::Small(0));
        }
        let int: &'a Py<Int> = value.downcast::<Int>()?;
        let int: &'a Int = int;
        Some(IntRef::Big(&int.big))
    }

    /// As a big int.
    pub fn to_big(&self) -> Cow<'a, BigInt> {
        match self {
            IntRef::Small(i) => Cow::Owned(BigInt::from(*i)),
            IntRef::Big(b) => Cow::Borrowed(b),
        }
    }

    /// If it fits.
    pub fn to_i64(&self) -> Option<i64> {
        match self {
            IntRef::Small(i) => Some(*i),
            IntRef::Big(b) => b.to_i64(),
        }
    }

    /// If it fits.
    pub fn to_i128(&self) -> Option<i128> {
        match self {
            IntRef::Small(i) => Some(i128::from(*i)),
            IntRef::Big(b) => b.to_i128(),
        }
    }

    /// Below zero.
    pub fn is_negative(&self) -> bool {
        match self {
            IntRef::Small(i) => *i < 0,
            IntRef::Big(b) => b.is_negative(),
        }
    }
}

/// Rust integers that become Python ints.
pub trait ToInt {
    fn to_small(&self) -> Option<i64>;
    fn to_bigint(self) -> BigInt;
}

macro_rules! to_int {
    ($($t:ty),*) => {$(
        impl ToInt for $t {
            #[inline(always)]
            fn to_small(&self) -> Option<i64> { i64::try_from(*self).ok() }
            fn to_bigint(self) -> BigInt { BigInt::from(self) }
        }
    )*};
}
to_int!(i8, u8, i16, u16, i32, u32, i64, u64, isize, usize, i128, u128);

impl Vm {
    /// An int.
    #[inline(always)]
    pub fn new_int(&mut self, i: impl ToInt) -> PyResult {
        match i.to_small().and_then(Value::small_int) {
            Some(v) => Ok(v),
            None => self.box_int(i.to_bigint()),
        }
    }

    /// An int; in a word if it fits.
    pub fn new_bigint(&mut self, big: BigInt) -> PyResult {
        match big.to_i64().and_then(Value::small_int) {
            Some(v) => Ok(v),
            None => self.box_int(big),
        }
    }

    #[cold]
    fn box_int(&mut self, big: BigInt) -> PyResult {
        Ok(self.new_object(Int { big })?.into_value())
    }

    /// If `value` is an int that fits.
    pub fn int_as_i128(&self, value: &Value) -> Option<i128> {
        IntRef::new(value)?.to_i128()
    }

    /// If `value` is an int below zero.
    pub fn int_is_negative(&self, value: &Value) -> bool {
        IntRef::new(value).is_some_and(|i| i.is_negative())
    }

    /// `operator.index(value)`: an `int`, or TypeError.
    pub fn index(&mut self, value: &Value) -> PyResult {
        if value.is_small_int() || value.is::<Int>() {
            return Ok(value.clone());
        }
        let Some(slot) = value.type_ref().slots.nb_index.get() else {
            let name = value.type_name();
            return Err(self.type_error(format!("'{name}' object cannot be interpreted as an integer")));
        };
        let result = slot(self, value)?;
        if result.is_exact::<Int>() {
            return Ok(result);
        }
        let name = result.type_name();
        if !result.is::<Int>() {
            return Err(self.type_error(format!("__index__ returned non-int (type {name})")));
        }
        self.warn_deprecated(&format!(
            "__index__ returned non-int (type {name}).  The ability to return an instance of a strict subclass of int is deprecated, and may not be \
             supported in a future version of Python."
        ))?;
        Ok(result)
    }

    /// `operator.index(value)` as a Rust int; OverflowError "cannot fit 'T' into an index-sized integer".
    pub fn as_isize(&mut self, value: &Value) -> PyResult<isize> {
        let index = self.index(value)?;
        match IntRef::new(&index).and_then(|i| i.to_i64()) {
            Some(i) => Ok(i as isize),
            None => {
                let name = value.type_name();
                Err(self.index_error(format!("cannot fit '{name}' into an index-sized integer")))
            }
        }
    }
}
