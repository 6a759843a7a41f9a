//! Methods and slots of `int`.

use super::{Int, IntRef};
use crate::{PyResult, Value, Vm, pymethods};

#[pymethods]
impl Int {
    #[slot(add)]
    fn nb_add(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        match (IntRef::new(a), IntRef::new(b)) {
            (Some(IntRef::Small(x)), Some(IntRef::Small(y))) => vm.new_int(i128::from(x) + i128::from(y)),
            (Some(x), Some(y)) => vm.new_bigint(&*x.to_big() + &*y.to_big()),
            _ => Ok(Value::not_implemented()),
        }
    }
}
