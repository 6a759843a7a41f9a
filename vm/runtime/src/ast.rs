//! Between the front end's trees and the nodes of the `ast` module.

use crate::compile::CompileRequest;
use crate::{PyResult, Value, Vm};
use krait_syntax::ast::{Arena, Mod};

/// Whether `object` is a node of the `ast` module.
pub fn is_node(_vm: &mut Vm, _object: &Value) -> PyResult<bool> {
    Ok(false)
}

/// Compiles a tree of node objects.
pub fn compile_tree(vm: &mut Vm, _tree: &Value, _request: CompileRequest) -> PyResult {
    Err(vm.not_implemented_error("compile() of syntax trees: the _ast module is missing"))
}

/// The node objects of a tree (`PyCF_ONLY_AST`).
pub fn to_object(vm: &mut Vm, _arena: &Arena, _module: &Mod<'_>, _request: &CompileRequest) -> PyResult {
    Err(vm.not_implemented_error("compile() to syntax trees: the _ast module is missing"))
}
