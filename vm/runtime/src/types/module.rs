//! `module` objects.

use crate::types::dict::Dict;
use crate::{GilCell, Py, pyclass, pymethods};

/// The payload of modules. Attributes are in `dict`.
#[pyclass(name = "module", flags(BASETYPE), managed)]
pub struct Module {
    pub dict: GilCell<Option<Py<Dict>>>,
    /// The definition, for native modules.
    #[traverse(skip)]
    pub def: Option<&'static crate::module::ModuleDef>,
}

#[pymethods]
impl Module {}
