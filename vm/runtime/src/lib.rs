//! Krait's runtime: the evaluator, the builtin types, the protocols between them, and import.
//!
//! The one rule: `&mut Vm` may run Python code, `&Vm` cannot. See ARCHITECTURE.md.

// The macros name this crate by its outside name.
extern crate self as krait_runtime;

#[macro_use]
pub mod names;
pub mod args;
pub mod codecs;
pub mod ast;
pub mod builtins;
pub mod compile;
pub mod config;
pub mod error;
pub mod eval;
pub mod import;
pub mod lifecycle;
pub mod limits;
pub mod module;
pub mod protocol;
pub mod sys;
#[cfg(test)]
pub(crate) mod testing;
pub mod types;
pub mod vm;
pub mod warnings;

pub use args::Args;
pub use error::{PyResult, Raised};
pub use krait_derive::{Traverse, pyclass, pyfunction, pymethods};
pub use krait_heap::{GilCell, Py, Value as HeapValue, leave_memory};
pub use types::class::PyClass;
pub use types::value::Value;
pub use vm::Vm;

#[cfg(test)]
mod tests {
    use crate::types::list::List;
    use crate::types::value::ValueExt;
    use crate::{PyResult, Value};

    #[test]
    fn a_native_method_is_found_and_called() -> PyResult<()> {
        let mut vm = crate::testing::vm();
        let vm = &mut *vm;
        let list = vm.new_list(vec![Value::from_i32(1)])?.into_value();
        let name = vm.intern("append");
        vm.call_method(&list, &name, &[Value::from_i32(2)])?;
        assert_eq!(vm.len(&list)?, 2);
        let err = vm.call_method(&list, &name, &[]).err().map(|e| e.exception().as_value().type_name());
        assert_eq!(err.as_deref(), Some("TypeError"));
        assert!(list.is::<List>());
        Ok(())
    }
}
