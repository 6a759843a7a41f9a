//! The `marshal` format, versions 0 to 5, as CPython 3.14 reads and writes it.
//!
//! The reader makes values through a [`Builder`], the writer asks a [`Source`] for theirs, so that a runtime needs no detour over
//! [`Const`](crate::Const). [`read_const`], [`read_code`] and [`write_code`] are the instances for constants. Reading is safe on any input: depth is bounded, nothing is
//! allocated on the word of a length field alone, and every fault is a [`MarshalError`] with CPython's class and message.

mod consts;
mod read;
mod write;

use std::borrow::Cow;
use std::fmt;

pub use consts::{ConstBuilder, read_code, read_const, write_code, write_const};
pub use read::{Builder, Reader};
pub use write::{Shape, Source, write};

/// The version that is written unless another is asked for.
pub const VERSION: i32 = 5;

/// Objects may be nested this deep, for reading and writing.
pub const MAX_STACK_DEPTH: usize = 2000;

/// Stack that is left when a new segment is allocated, and the segment's size.
const STACK: (usize, usize) = (256 * 1024, 2 * 1024 * 1024);

/// The reader looks at the stack once in so many levels, which need no more than is left.
const STACK_STEP: usize = 16;

/// Bit of a type byte: later references may name the object.
const FLAG_REF: u8 = 0x80;

/// The class of the exception that a fault becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    EofError,
    ValueError,
    TypeError,
    OverflowError,
    MemoryError,
}

/// A fault of the data, or of what is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarshalError {
    pub class: ErrorClass,
    pub message: Cow<'static, str>,
}

impl MarshalError {
    /// A fault.
    pub fn new(class: ErrorClass, message: impl Into<Cow<'static, str>>) -> MarshalError {
        MarshalError { class, message: message.into() }
    }

    fn value(message: &'static str) -> MarshalError {
        MarshalError::new(ErrorClass::ValueError, message)
    }

    fn null(message: &'static str) -> MarshalError {
        MarshalError::new(ErrorClass::TypeError, message)
    }
}

impl fmt::Display for MarshalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.class, self.message)
    }
}

impl std::error::Error for MarshalError {}

/// The fields of a code object as values, in the order of the format.
#[derive(Clone, Debug)]
pub struct CodeParts<V> {
    pub argcount: i32,
    pub posonlyargcount: i32,
    pub kwonlyargcount: i32,
    pub stacksize: i32,
    pub flags: i32,
    pub code: V,
    pub consts: V,
    pub names: V,
    pub localsplusnames: V,
    pub localspluskinds: V,
    pub filename: V,
    pub name: V,
    pub qualname: V,
    pub firstlineno: i32,
    pub linetable: V,
    pub exceptiontable: V,
}
