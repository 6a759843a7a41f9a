//! `None`, `NotImplemented` and `...`: their types.

use crate::{pyclass, pymethods};

/// The type of None.
#[pyclass(name = "NoneType")]
pub struct NoneType;

#[pymethods]
impl NoneType {}

/// The type of the NotImplemented singleton.
#[pyclass(name = "NotImplementedType")]
pub struct NotImplementedType;

#[pymethods]
impl NotImplementedType {}

/// The type of the Ellipsis singleton.
#[pyclass(name = "ellipsis")]
pub struct EllipsisType;

#[pymethods]
impl EllipsisType {}
