//! `_json`: the scanner and the encoder of `json`.

mod encode;
mod scan;

use encode::Encoder;
use krait_runtime::types::dict::Dict;
use krait_runtime::{Py, PyClass, PyResult, Vm, module};
use scan::Scanner;

/// The types go by names of their own in the module.
fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    for (name, ty) in [("make_scanner", Scanner::static_type()), ("make_encoder", Encoder::static_type())] {
        let (name, ty) = (vm.intern(name), ty.ready(vm)?.to_value());
        dict.set_str(vm, &name, ty)?;
    }
    Ok(())
}

module! {
    "_json",
    doc: "json speedups\n",
    functions: [encode::encode_basestring_ascii, encode::encode_basestring, scan::scanstring],
    types: [],
    exec: init,
}
