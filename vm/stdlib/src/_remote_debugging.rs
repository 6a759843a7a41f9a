//! `_remote_debugging`: looking into other Python processes. Their memory is laid out as CPython's, not as ours, so an unwinder cannot be had; the
//! module is there because `asyncio.tools` imports its names.

use krait_runtime::types::dict::Dict;
use krait_runtime::types::structseq::{self, StructSeqDef};
use krait_runtime::types::type_::PyType;
use krait_runtime::{Args, Py, PyResult, Value, Vm, pyclass, pymethods};

static FRAME_INFO: StructSeqDef = StructSeqDef {
    name: "_remote_debugging.FrameInfo",
    doc: "A frame of another process.",
    fields: &[("filename", "source file"), ("lineno", "line"), ("funcname", "function")],
    in_sequence: 3,
};

/// Looks at the stacks of another process.
#[pyclass(name = "RemoteUnwinder", module = "_remote_debugging")]
struct RemoteUnwinder {}

#[pymethods]
impl RemoteUnwinder {
    #[new]
    fn new(_cls: &Py<PyType>, _args: Args<'_>, vm: &mut Vm) -> PyResult<Py<RemoteUnwinder>> {
        Err(vm.runtime_error("Remote unwinding is not supported: Krait does not know the memory of other interpreters"))
    }
}

krait_runtime::module! {
    "_remote_debugging",
    doc: "Looking into other Python processes.",
    functions: [],
    types: [RemoteUnwinder],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let frame_info = structseq::type_of(vm, &FRAME_INFO)?.to_value();
    for (name, value) in [("FrameInfo", frame_info), ("PROCESS_VM_READV_SUPPORTED", Value::from_bool(true))] {
        let name = vm.intern(name);
        dict.set_str(vm, &name, value)?;
    }
    Ok(())
}
