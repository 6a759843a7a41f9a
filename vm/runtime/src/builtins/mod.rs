//! The `builtins` module: functions here by family, types from `types/`.

use crate::types::dict::Dict;
use crate::{Py, PyResult, Value, Vm};

mod attributes;
mod build_class;
mod code;
pub mod frames;
mod iteration;
mod numbers;
mod output;

use attributes::{callable, delattr, dir, getattr, hasattr, hash, id, isinstance, issubclass, len, repr, setattr, vars, ascii};
use code::{__build_class__, __import__, compile, eval, exec, globals, locals};
use iteration::{aiter, all, anext, any, iter, max, min, next, sorted, sum};
use numbers::{abs, bin, chr, divmod, format, hex, oct, ord, pow, round};
use output::{breakpoint, input, print};

crate::module! {
    "builtins",
    doc: "Built-in functions, types, exceptions and other objects.\n\nAll that Python code can name without importing anything.",
    functions: [
        __build_class__, __import__, abs, aiter, all, anext, any, ascii, bin, breakpoint, callable, chr, compile, delattr, dir, divmod, eval, exec,
        format, getattr, globals, hasattr, hash, hex, id, input, isinstance, issubclass, iter, len, locals, max, min, next, oct, ord, pow, print,
        repr, round, setattr, sorted, sum, vars,
    ],
    types: [],
    exec: init,
    single: true,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let singletons = [
        ("None", Value::none()),
        ("Ellipsis", Value::ellipsis()),
        ("NotImplemented", Value::not_implemented()),
        ("False", Value::from_bool(false)),
        ("True", Value::from_bool(true)),
        ("__debug__", Value::from_bool(true)),
    ];
    for (name, value) in singletons {
        let name = vm.intern(name);
        dict.set_str(vm, &name, value)?;
    }
    for ty in crate::types::builtin_types() {
        let ty = ty.ready(vm)?;
        if let Some(name) = ty.name.load(vm) {
            dict.set(vm, &name, ty.to_value())?;
        }
    }
    for (alias, ty) in [("EnvironmentError", "OSError"), ("IOError", "OSError")] {
        let (alias, ty) = (vm.intern(alias), vm.intern(ty));
        if let Some(found) = dict.get_str(vm, &ty).cloned() {
            dict.set_str(vm, &alias, found)?;
        }
    }
    Ok(())
}
