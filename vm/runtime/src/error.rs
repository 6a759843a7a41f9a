//! [`Raised`]: a Python exception on its way up.

use crate::types::exceptions::BaseException;
use crate::{Py, Value};

/// What everything that can raise returns.
pub type PyResult<T = Value> = Result<T, Raised>;

/// An exception that has been raised and not been handled yet.
#[derive(Clone, Debug)]
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
