//! Code objects of CPython 3.14 as plain data: the opcode table, [`Code`] and its constants, line and exception tables, marshal,
//! and a text listing. Nothing here knows runtime objects.

pub mod code;
pub mod dis;
pub mod exceptiontable;
pub mod linetable;
pub mod marshal;
pub mod opcode;
pub mod verify;

pub use code::{Code, Const, ConstKey};
pub use opcode::{MAGIC, Opcode};
