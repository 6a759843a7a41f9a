//! [`Raised`]: a Python exception on its way up.

use crate::types::exceptions::BaseException;
use crate::{Py, Value};

/// What everything that can raise returns.
pub type PyResult<T = Value> = Result<T, Raised>;

/// An exception that has been raised and not been handled yet.
#[derive(Clone)]
#[must_use]
#[repr(transparent)]
pub struct Raised(Py<BaseException>);

impl Raised {
    /// Raises `exception`.
    pub fn new(exception: Py<BaseException>) -> Raised {
        Raised(exception)
    }

    /// The exception object.
    pub fn exception(&self) -> &Py<BaseException> {
        &self.0
    }

    /// The exception object, handled.
    pub fn into_exception(self) -> Py<BaseException> {
        self.0
    }
}

impl std::fmt::Debug for Raised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use crate::types::value::ValueExt;
        write!(f, "{}{:?}", self.0.as_value().type_name(), crate::types::exceptions::first_text(&self.0))
    }
}
