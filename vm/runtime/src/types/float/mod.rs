//! `float`: common ones live in the value's word, the rest are boxed.

use crate::types::int::IntRef;
use crate::types::value::ValueExt;
use crate::{PyResult, Value, Vm, pyclass};

mod methods;
pub mod text;

/// The payload of boxed floats.
#[pyclass(name = "float", flags(BASETYPE, MATCH_SELF), text_signature = "(x=0, /)")]
#[repr(C)]
pub struct Float {
    pub value: f64,
}

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
        if let Some(int) = IntRef::new(value).filter(|_| value.is_small_int() || value.is_exact::<crate::types::int::Int>()) {
            return crate::types::int::arith::to_f64(self, &int);
        }
        self.number_to_f64(value)
    }

    /// `PyNumber_Float` without strings: `__float__`, then `__index__`.
    pub(crate) fn number_to_f64(&mut self, value: &Value) -> PyResult<f64> {
        if let Some(slot) = value.type_ref().slots.nb_float.get() {
            let result = slot(self, value)?;
            let Some(f) = float_value(&result) else {
                let (ty, got) = (value.type_name(), result.type_name());
                return Err(self.type_error(format!("{ty}.__float__() must return a float, not {got}")));
            };
            if !result.is_exact::<Float>() {
                let (ty, got) = (value.type_name(), result.type_name());
                self.warn_deprecated(&format!(
                    "{ty}.__float__() must return a float, not {got}.  The ability to return an instance of a strict subclass of float is deprecated, and may \
                     not be supported in a future version of Python."
                ))?;
            }
            return Ok(f);
        }
        if value.type_ref().slots.nb_index.get().is_some() {
            let index = self.index(value)?;
            return match IntRef::new(&index) {
                Some(int) => crate::types::int::arith::to_f64(self, &int),
                None => Err(self.system_error("index is no int")),
            };
        }
        let name = value.type_name();
        Err(self.type_error(format!("must be real number, not {name}")))
    }
}

/// `x ** y` of floats, with Python's errors; a negative base with a fractional exponent gives a complex.
pub fn power(vm: &mut Vm, x: f64, y: f64) -> PyResult {
    if x == 0.0 && y < 0.0 && y.is_finite() {
        return Err(vm.zero_division_error("zero to a negative power"));
    }
    if x == 0.0 && y == f64::NEG_INFINITY {
        return vm.new_float(f64::INFINITY);
    }
    if x < 0.0 && x.is_finite() && y.is_finite() && y.floor() != y {
        return crate::types::complex::power_of(vm, (x, 0.0), (y, 0.0));
    }
    let result = x.powf(y);
    if result.is_infinite() && x.is_finite() && y.is_finite() {
        return Err(vm.raise_with_errno_range("(34, 'Numerical result out of range')"));
    }
    vm.new_float(result)
}

impl Vm {
    /// OverflowError as the C library's functions report it: errno and its text.
    #[cold]
    fn raise_with_errno_range(&mut self, _shown: &str) -> crate::Raised {
        let text = match self.new_str("Numerical result out of range") {
            Ok(t) => t.into_value(),
            Err(e) => return e,
        };
        self.raise_with::<crate::types::exceptions::OverflowError>(vec![Value::from_i32(34), text])
    }
}

/// `x % y` with the sign of `y`, and `x // y`.
pub fn floor_divmod(x: f64, y: f64) -> (f64, f64) {
    let mut modulo = x % y;
    let mut div = (x - modulo) / y;
    if modulo != 0.0 {
        if (y < 0.0) != (modulo < 0.0) {
            modulo += y;
            div -= 1.0;
        }
    } else {
        modulo = 0f64.copysign(y);
    }
    let floor = if div != 0.0 {
        let f = div.floor();
        if div - f > 0.5 { f + 1.0 } else { f }
    } else {
        0f64.copysign(x / y)
    };
    (floor, modulo)
}

/// `hash()` of a float: that of the equal int or fraction modulo 2**61 - 1. NaNs hash by identity.
pub fn hash(f: f64, identity: u64) -> i64 {
    const BITS: u32 = 61;
    const MODULUS: u64 = (1 << BITS) - 1;
    if f.is_infinite() {
        return if f > 0.0 { 314_159 } else { -314_159 };
    }
    if f.is_nan() {
        return identity.rotate_right(4) as i64;
    }
    let (mut m, mut e) = frexp(f.abs());
    let mut x: u64 = 0;
    while m != 0.0 {
        x = ((x << 28) & MODULUS) | x >> (BITS - 28);
        m *= 268_435_456.0;
        e -= 28;
        let y = m as u64;
        m -= y as f64;
        x += y;
        if x >= MODULUS {
            x -= MODULUS;
        }
    }
    let e = e.rem_euclid(BITS as i32) as u32;
    x = ((x << e) & MODULUS) | x >> ((BITS - e) % 64);
    let x = if f < 0.0 { (x as i64).wrapping_neg() } else { x as i64 };
    if x == -1 { -2 } else { x }
}

/// `(m, e)` with `f == m * 2**e` and `0.5 <= |m| < 1`; zero, infinities and NaN as they are with exponent 0.
pub fn frexp(f: f64) -> (f64, i32) {
    if f == 0.0 || !f.is_finite() {
        return (f, 0);
    }
    let bits = f.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32;
    if exponent == 0 {
        let (m, e) = frexp(f * 2f64.powi(64));
        return (m, e - 64);
    }
    (f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52), exponent - 1022)
}

/// `m * 2**e`, rounded once.
pub fn ldexp(m: f64, e: i64) -> f64 {
    if m == 0.0 || !m.is_finite() {
        return m;
    }
    let (m, own) = frexp(m);
    let e = e.saturating_add(i64::from(own));
    if e > 1024 {
        return f64::INFINITY.copysign(m);
    }
    if e < -1080 {
        return 0f64.copysign(m);
    }
    if e >= -1021 {
        return m * 2.0 * 2f64.powi((e - 1) as i32);
    }
    // Subnormal: one rounding, by the last multiplication.
    m * 2f64.powi((e + 60) as i32) * 2f64.powi(-60)
}
