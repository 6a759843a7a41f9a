//! `_contextvars`: context variables; the types live in the runtime, since every thread has a context.

use krait_runtime::types::context::{self, Context, ContextVar, Token};
use krait_runtime::{Py, PyResult, Vm, pyfunction};

/// A copy of the running context.
#[pyfunction]
fn copy_context(vm: &mut Vm) -> PyResult<Py<Context>> {
    context::copy_current(vm)
}

krait_runtime::module! { "_contextvars", doc: "Context variables.", functions: [copy_context], types: [Context, ContextVar, Token] }
