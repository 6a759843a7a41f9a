//! `_functools`: `partial`, `reduce`, `cmp_to_key` and the wrapper of `lru_cache`.

mod keys;
mod lru_cache;
mod partial;

use krait_runtime::types::dict::Dict;
use krait_runtime::{Py, PyClass, PyResult, Vm, module};
use lru_cache::LruCache;
use partial::{Partial, Placeholder};

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    Placeholder::static_type().ready(vm)?;
    keys::KeyWrapper::static_type().ready(vm)?;
    let name = vm.intern("Placeholder");
    let placeholder = vm.new_object(Placeholder {})?;
    dict.set_str(vm, &name, placeholder.into_value())
}

module! {
    "_functools",
    doc: "Tools that operate on functions.",
    functions: [keys::cmp_to_key, keys::reduce],
    types: [Partial, LruCache, Placeholder],
    exec: init,
    single: true,
}
