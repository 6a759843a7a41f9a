//! Methods and slots of `tuple`.

use super::Tuple;
use crate::{PyResult, Vm, pymethods};

#[pymethods]
impl Tuple {
    #[slot(len)]
    fn slot_len(&self, _vm: &mut Vm) -> PyResult<usize> {
        Ok(self.len())
    }
}
