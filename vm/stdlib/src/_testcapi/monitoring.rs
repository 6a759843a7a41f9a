//! Code that only looks like code, whose events native code would tell of.
//!
//! Events come from the evaluator alone here: telling of others raises NotImplementedError.

use krait_runtime::types::type_::PyType;
use krait_runtime::{Args, Py, PyResult, Raised, Vm, pyclass, pyfunction, pymethods};

/// Stands for code with so many places of events.
#[pyclass(name = "CodeLike", module = "_testcapi")]
pub struct CodeLike {
    #[traverse(skip)]
    num_events: i32,
}

#[pymethods]
impl CodeLike {
    #[new(sig = "(num_events, /)")]
    fn py_new(cls: &Py<PyType>, num_events: i32, vm: &mut Vm) -> PyResult<Py<CodeLike>> {
        vm.new_instance(cls, CodeLike { num_events })
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<CodeLike>, vm: &mut Vm) -> PyResult {
        let places = vec!["0"; usize::try_from(zelf.num_events).unwrap_or(0)].join(", ");
        Ok(vm.new_str(&format!("PyCodeLike({places})"))?.into_value())
    }
}

#[cold]
fn no_events(vm: &mut Vm) -> Raised {
    vm.raise::<krait_runtime::types::exceptions::NotImplementedError>("events of native code cannot be told of")
}

/// Would tell of the event.
#[pyfunction]
pub fn fire_event_branch_left(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would tell of the event.
#[pyfunction]
pub fn fire_event_branch_right(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would tell of the event.
#[pyfunction]
pub fn fire_event_c_raise(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would tell of the event.
#[pyfunction]
pub fn fire_event_c_return(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would tell of the event.
#[pyfunction]
pub fn fire_event_call(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would tell of the event.
#[pyfunction]
pub fn fire_event_exception_handled(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would tell of the event.
#[pyfunction]
pub fn fire_event_jump(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would tell of the event.
#[pyfunction]
pub fn fire_event_line(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would tell of the event.
#[pyfunction]
pub fn fire_event_py_resume(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would tell of the event.
#[pyfunction]
pub fn fire_event_py_return(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would tell of the event.
#[pyfunction]
pub fn fire_event_py_start(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would tell of the event.
#[pyfunction]
pub fn fire_event_py_throw(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would tell of the event.
#[pyfunction]
pub fn fire_event_py_unwind(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would tell of the event.
#[pyfunction]
pub fn fire_event_py_yield(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would tell of the event.
#[pyfunction]
pub fn fire_event_raise(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would tell of the event.
#[pyfunction]
pub fn fire_event_reraise(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would tell of the event.
#[pyfunction]
pub fn fire_event_stop_iteration(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would begin a stretch of native code that tells of its events.
#[pyfunction]
pub fn monitoring_enter_scope(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}

/// Would end a stretch of native code that tells of its events.
#[pyfunction]
pub fn monitoring_exit_scope(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let _ = args;
    Err(no_events(vm))
}
