//! `stderrprinter`: what stands at `sys.stderr` until the `io` module can be imported (CPython's `PyStdPrinter`).

use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{PyResult, Value, Vm, pyclass, pymethods};
use std::io::{IsTerminal, Write};

/// Writes text to the process's standard error.
#[pyclass(name = "stderrprinter")]
pub struct StderrPrinter {}

#[pymethods]
impl StderrPrinter {
    /// Write a string; returns its length.
    #[method(sig = "(string, /)")]
    fn write(&self, string: &Value, vm: &mut Vm) -> PyResult<usize> {
        let Some(text) = string.downcast::<Str>() else {
            let got = string.type_name();
            return Err(vm.type_error(format!("write() argument 1 must be str, not {got}")));
        };
        // Nobody could be told if this fails.
        match std::io::stderr().write_all(text.to_string_lossy().as_bytes()) {
            Ok(()) | Err(_) => Ok(text.len()),
        }
    }

    /// Nothing is kept back.
    #[method]
    fn flush(&self) {}

    /// Standard error stays open.
    #[method]
    fn close(&self) {}

    /// The descriptor.
    #[method]
    fn fileno(&self) -> i32 {
        2
    }

    /// Whether it is a terminal.
    #[method]
    fn isatty(&self) -> bool {
        std::io::stderr().is_terminal()
    }

    #[getter]
    fn closed(&self) -> bool {
        false
    }

    #[getter]
    fn encoding(&self) -> Value {
        Value::none()
    }

    #[getter]
    fn mode(&self) -> &'static str {
        "w"
    }
}
