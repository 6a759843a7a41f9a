//! AST to code objects of CPython 3.14, stage by stage under CPython's names: preprocess, symtable, codegen, flowgraph, assemble.

mod assemble;
pub mod ast_tools;
mod codegen;
pub mod compile;
mod error;
pub mod flowgraph;
pub mod future;
pub mod instruction_sequence;
pub mod preprocess;
pub mod symtable;
mod unit;
pub mod validate;

pub use compile::{CompileOptions, Compiled, compile};
