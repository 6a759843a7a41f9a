//! Exceptions in finalizers and callbacks, which no caller can handle: `sys.unraisablehook`.

use crate::types::value::ValueExt;
use crate::{Raised, Value, Vm};

/// Reports `raised`, which came out of `object`.
pub fn report(vm: &mut Vm, raised: Raised, object: &Value) {
    let exception = raised.exception().as_value();
    let text = vm.str(exception).map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    eprintln!("Exception ignored in: <{} object>\n{}: {text}", object.type_name(), exception.type_name());
}
