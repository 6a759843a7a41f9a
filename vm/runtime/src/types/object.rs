//! `object`: the base of all types.

use crate::{pyclass, pymethods};

/// The base class of the class hierarchy.
#[pyclass(name = "object", flags(BASETYPE))]
#[repr(C)]
pub struct Object;

#[pymethods]
impl Object {}
