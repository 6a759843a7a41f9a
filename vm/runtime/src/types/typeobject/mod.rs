//! Making classes: `type.__new__`, MRO, slots and their table.

pub mod slotdefs;

use crate::types::type_::PyType;
use crate::pymethods;

#[pymethods]
impl PyType {}
