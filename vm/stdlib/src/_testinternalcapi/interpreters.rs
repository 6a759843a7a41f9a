//! Running programs in other interpreters.

use krait_runtime::types::str_::Str;
use krait_runtime::vm::Features;
use krait_runtime::{Py, PyResult, Value, Vm, pyfunction};

fn setting(vm: &mut Vm, config: &Value, name: &str) -> PyResult<bool> {
    let value = vm.getattr_str(config, name)?;
    vm.is_true(&value)
}

/// Runs a program in another interpreter that may do what the attributes of config say; 0, or -1 if it raised an exception, which is printed.
///
/// All interpreters share one lock and one allocator: a configuration that wants its own is refused.
#[pyfunction(sig = "(code, config)")]
pub fn run_in_subinterp_with_config(code: &Py<Str>, config: &Value, vm: &mut Vm) -> PyResult<i32> {
    let source = code.to_utf8(vm)?;
    let gil = vm.getattr_str(config, "gil")?;
    let own_gil = gil.downcast::<Str>().is_some_and(|s| s.as_ascii() == Some("own"));
    if own_gil || !setting(vm, config, "use_main_obmalloc")? {
        return Err(vm.not_implemented_error("interpreters with a lock or an allocator of their own"));
    }
    let features = Features {
        fork: setting(vm, config, "allow_fork")?,
        exec: setting(vm, config, "allow_exec")?,
        threads: setting(vm, config, "allow_threads")?,
        daemon_threads: setting(vm, config, "allow_daemon_threads")?,
    };
    let succeeded = krait_runtime::lifecycle::run_beside(vm, &source, features)?;
    Ok(if succeeded { 0 } else { -1 })
}
