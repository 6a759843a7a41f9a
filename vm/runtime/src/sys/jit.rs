//! `sys._jit`: what is known of a just-in-time compiler. There is none yet.

use crate::pyfunction;

/// Whether this interpreter was built with a just-in-time compiler.
#[pyfunction]
fn is_available() -> bool {
    false
}

/// Whether the just-in-time compiler is switched on.
#[pyfunction]
fn is_enabled() -> bool {
    false
}

/// Whether the calling frame runs compiled code.
#[pyfunction]
fn is_active() -> bool {
    false
}

crate::module! {
    "sys._jit",
    doc: "What is known of the just-in-time compiler.",
    functions: [is_available, is_enabled, is_active],
    types: [],
}
