//! `float`: common ones live in the value's word, the rest are boxed.

use crate::types::int::IntRef;
use crate::types::value::ValueExt;
use crate::{PyResult, Value, Vm, pyclass, pymethods};
use num_traits::ToPrimitive;

/// The payload of boxed floats.
#[pyclass(name = "float", flags(BASETYPE, MATCH_SELF))]
#[repr(C)]
pub struct Float {
    pub value: f64,
}

#[pymethods]
impl Float {}

/// The value of a `float` or of an instance of a subclass.
#[inline(always)]
pub fn float_value(value: &Value) -> Option<f64> {
    match value.as_inline_float() {
        Some(f) => Some(f),
        None => value.downcast::<Float>().map(|f| f.value),
    }
}

impl Vm {
    /// A float.
    #[inline(always)]
    pub fn new_float(&mut self, f: f64) -> PyResult {
        match Value::from_f64_inline(f) {
            Some(v) => Ok(v),
            None => Ok(self.new_object(Float { value: f })?.into_value()),
        }
    }

    /// `PyFloat_AsDouble`: a float, an int, or what `__float__` or `__index__` gives.
    pub fn as_f64(&mut self, value: &Value) -> PyResult<f64> {
        if let Some(f) = float_value(value) {
            return Ok(f);
        }
        if let Some(slot) = value.ty().slots.nb_float.get() {
            let result = slot(self, value)?;
            if let Some(f) = float_value(&result) {
                return Ok(f);
            }
            let (ty, got) = (value.type_name(), result.type_name());
            return Err(self.type_error(format!("{ty}.__float__() must return a float, not {got}")));
        }
        if value.ty().slots.nb_index.get().is_some() {
            let index = self.index(value)?;
            let f = IntRef::new(&index).and_then(|i| i.to_big().to_f64()).unwrap_or(f64::INFINITY);
            return if f.is_finite() { Ok(f) } else { Err(self.overflow_error("int too large to convert to float")) };
        }
        let name = value.type_name();
        Err(self.type_error(format!("must be real number, not {name}")))
    }
}
