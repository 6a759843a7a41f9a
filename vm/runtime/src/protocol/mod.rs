//! What can be done to any object: CPython's `abstract.c`, `call.c` and `object.c`, as methods of [`crate::Vm`].

pub mod buffer;
pub mod call;
pub mod format;
pub mod format_numbers;
pub mod isinstance;
pub mod iter;
pub mod memory;
pub mod number;
pub mod object;
pub mod sequence;
