//! From node objects to a tree that can be compiled.

use crate::compile::CompileRequest;
use crate::{PyResult, Value, Vm};

/// Compiles a tree of node objects.
pub fn compile_tree(vm: &mut Vm, tree: &Value, request: CompileRequest) -> PyResult {
    let _ = (tree, request.optimize);
    Err(vm.not_implemented_error("compile() of node objects: the way back from nodes to trees is missing"))
}
