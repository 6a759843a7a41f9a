//! `_typing`: what `typing` has in native code; the types live in the runtime.

use krait_runtime::types::dict::Dict;
use krait_runtime::types::typing::alias::TypeAlias;
use krait_runtime::types::typing::paramspec::{ParamSpec, ParamSpecArgs, ParamSpecKwargs, TypeVarTuple};
use krait_runtime::types::typing::typevar::TypeVar;
use krait_runtime::types::typing::{self, Generic};
use krait_runtime::types::union::Union;
use krait_runtime::{Py, PyResult, Value, Vm, pyfunction};

/// The argument itself.
#[pyfunction(sig = "(x, /)")]
fn _idfunc(x: Value) -> Value {
    x
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let no_default = typing::no_default(vm)?;
    let key = vm.intern("NoDefault");
    dict.set_str(vm, &key, no_default)
}

krait_runtime::module! {
    "_typing", doc: "What typing has in native code.", functions: [_idfunc],
    types: [TypeVar, ParamSpec, ParamSpecArgs, ParamSpecKwargs, TypeVarTuple, TypeAlias, Generic, Union], exec: init
}
