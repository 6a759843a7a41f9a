//! The bodies of instructions, by family. The dispatch loop moves operands between the stack and these functions.

pub mod attr;
pub mod build;
pub mod call;
pub mod exceptions;
pub mod generator;
pub mod import_;
pub mod intrinsic;
pub mod match_;
pub mod names;

use crate::{PyResult, Value, Vm};

/// `warnings.warn(message, category, stacklevel)` with a builtin category. Nothing happens while there is no `warnings` module.
#[cold]
pub fn warn(vm: &mut Vm, category: &str, message: &str, stacklevel: i32) -> PyResult<()> {
    let Some(modules) = vm.interp.modules.load(vm) else { return Ok(()) };
    let names = [vm.intern("warnings"), vm.intern("_warnings")];
    let Some(module) = names.iter().find_map(|n| modules.get_str(vm, n).cloned()) else { return Ok(()) };
    let builtins = vm.interp.builtins.load(vm);
    let category_name = vm.intern(category);
    let Some(category) = builtins.and_then(|b| b.get_str(vm, &category_name).cloned()) else { return Ok(()) };
    let warn = vm.intern("warn");
    let Some(warn) = vm.getattr_opt(&module, &warn)? else { return Ok(()) };
    let message = vm.new_str(message)?.into_value();
    vm.call(&warn, &[message, category, Value::from_i32(stacklevel)])?;
    Ok(())
}
