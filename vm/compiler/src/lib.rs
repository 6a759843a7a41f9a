//! AST to code objects of CPython 3.14, stage by stage under CPython's names: symtable, codegen, flowgraph, assemble.

mod assemble;
pub mod flowgraph;
pub mod instruction_sequence;
