//! Methods and slots of `str`.

use super::Str;
use crate::types::slots::CompareOp;
use crate::{Py, PyResult, Value, Vm, pymethods};

#[pymethods]
impl Str {
    #[slot(hash)]
    fn slot_hash(zelf: &Py<Str>, vm: &mut Vm) -> PyResult<i64> {
        Ok(zelf.hash_value(vm))
    }

    #[slot(len)]
    fn slot_len(&self, _vm: &mut Vm) -> PyResult<usize> {
        Ok(self.len())
    }

    #[slot(str)]
    fn slot_str(zelf: &Py<Str>, vm: &mut Vm) -> PyResult<Py<Str>> {
        if zelf.is_exact() { Ok(zelf.clone()) } else { vm.new_str_data(zelf.data()) }
    }

    #[slot(richcompare)]
    fn slot_richcompare(zelf: &Py<Str>, other: &Value, op: CompareOp, _vm: &mut Vm) -> PyResult {
        let Some(other) = other.downcast::<Str>() else { return Ok(Value::not_implemented()) };
        Ok(Value::from_bool(match op {
            CompareOp::Eq => zelf.eq_chars(other),
            CompareOp::Ne => !zelf.eq_chars(other),
            CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => op.matches(zelf.chars().cmp(other.chars())),
        }))
    }
}
