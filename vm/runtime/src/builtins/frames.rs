//! What the functions of `builtins` and `sys` ask of the running frame.

use crate::types::code::CodeObject;
use crate::types::dict::Dict;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm};

/// `locals()`, or SystemError without a frame.
pub fn locals(vm: &mut Vm) -> PyResult {
    match vm.current_locals()? {
        Some(locals) => Ok(locals),
        None => Err(vm.system_error("frame does not exist")),
    }
}

/// The builtins of the running code; the interpreter's without a frame.
pub fn builtins(vm: &mut Vm) -> Value {
    match vm.current_builtins() {
        Some(builtins) => builtins,
        None => vm.interp.builtins.load(vm).map_or_else(Value::none, Py::into_value),
    }
}

/// The future features of the running code.
pub fn future_flags(vm: &Vm) -> u32 {
    vm.frame_code(0).map_or(0, |code| code.flags & crate::compile::flags::FUTURE_MASK)
}

/// Runs code with free variables under a closure given by hand.
pub fn exec_code(vm: &mut Vm, code: &Py<CodeObject>, globals: &Py<Dict>, locals: &Value, closure: &Value) -> PyResult<()> {
    let free = code.nfreevars as usize;
    let closure = closure.downcast::<Tuple>().cloned().or_else(|| None);
    let fits = closure.as_ref().is_some_and(|c| c.len() == free && c.items().iter().all(|x| x.is_exact::<crate::types::cell::PyCell>()));
    let given = closure.is_some();
    if free == 0 {
        if given {
            return Err(vm.type_error("cannot use a closure with this code object"));
        }
    } else if !fits {
        return Err(vm.type_error(format!("code object requires a closure of exactly length {free}")));
    }
    vm.audit("exec", &[code.to_value()])?;
    vm.run_code_with(code, globals, Some(locals), None, closure).map(drop)
}
