//! `cmath`: the functions of complex numbers.

use functions::Fault;
use krait_runtime::types::complex::Parts;
use krait_runtime::types::dict::Dict;
use krait_runtime::{Py, PyResult, Raised, Value, Vm, pyfunction};

mod functions;
mod special;

krait_runtime::module! {
    "cmath",
    doc: "The mathematical functions of complex numbers.",
    functions: [
        acos, acosh, asin, asinh, atan, atanh, cos, cosh, exp, isclose, isfinite, isinf, isnan, log, log10, phase, polar, rect, sin, sinh, sqrt, tan, tanh
    ],
    types: [],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    use std::f64::consts;
    for (name, value) in [("pi", consts::PI), ("e", consts::E), ("tau", consts::TAU), ("inf", f64::INFINITY), ("nan", f64::NAN)] {
        let (name, value) = (vm.intern(name), vm.new_float(value)?);
        dict.set_str(vm, &name, value)?;
    }
    for (name, value) in [("infj", f64::INFINITY), ("nanj", f64::NAN)] {
        let (name, value) = (vm.intern(name), vm.new_complex(0.0, value)?);
        dict.set_str(vm, &name, value)?;
    }
    Ok(())
}

#[cold]
fn fault(vm: &mut Vm, fault: Fault) -> Raised {
    match fault {
        Fault::Domain => vm.value_error("math domain error"),
        Fault::Range => vm.overflow_error("math range error"),
    }
}

fn apply(vm: &mut Vm, z: &Value, function: fn(Parts) -> functions::Outcome) -> PyResult {
    let z = vm.as_complex(z)?;
    match function(z) {
        Ok((re, im)) => vm.new_complex(re, im),
        Err(f) => Err(fault(vm, f)),
    }
}

macro_rules! complexes {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[pyfunction(sig = "(z, /)")]
        pub fn $name(z: &Value, vm: &mut Vm) -> PyResult {
            apply(vm, z, functions::$name)
        }
    )*};
}

complexes! {
    /// The arc cosine of z.
    acos;
    /// The inverse hyperbolic cosine of z.
    acosh;
    /// The arc sine of z.
    asin;
    /// The inverse hyperbolic sine of z.
    asinh;
    /// The arc tangent of z.
    atan;
    /// The inverse hyperbolic tangent of z.
    atanh;
    /// The cosine of z.
    cos;
    /// The hyperbolic cosine of z.
    cosh;
    /// e to the power z.
    exp;
    /// The logarithm of z to base 10.
    log10;
    /// The sine of z.
    sin;
    /// The hyperbolic sine of z.
    sinh;
    /// The square root of z.
    sqrt;
    /// The tangent of z.
    tan;
    /// The hyperbolic tangent of z.
    tanh;
}

/// The logarithm of z to a base, by default the natural one.
#[pyfunction(sig = "(z, base=?, /)")]
pub fn log(z: &Value, base: Option<Value>, vm: &mut Vm) -> PyResult {
    let z = vm.as_complex(z)?;
    let result = match &base {
        None => functions::log(z),
        Some(base) => {
            let base = vm.as_complex(base)?;
            functions::log(z).and_then(|x| {
                let y = functions::log(base)?;
                krait_runtime::types::complex::divide(x, y).ok_or(Fault::Domain)
            })
        }
    };
    match result {
        Ok((re, im)) => vm.new_complex(re, im),
        Err(f) => Err(fault(vm, f)),
    }
}

/// The angle of z, between -pi and pi.
#[pyfunction(sig = "(z, /)")]
pub fn phase(z: &Value, vm: &mut Vm) -> PyResult<f64> {
    let (re, im) = vm.as_complex(z)?;
    Ok(im.atan2(re))
}

/// The distance of z from 0 and its angle.
#[pyfunction(sig = "(z, /)")]
pub fn polar(z: &Value, vm: &mut Vm) -> PyResult {
    let z = vm.as_complex(z)?;
    match functions::abs(z) {
        Ok(r) => {
            let pair = vec![vm.new_float(r)?, vm.new_float(z.1.atan2(z.0))?];
            Ok(vm.new_tuple(pair)?.into_value())
        }
        Err(f) => Err(fault(vm, f)),
    }
}

/// The complex number at distance r from 0 with the angle phi.
#[pyfunction(sig = "(r, phi, /)")]
pub fn rect(r: f64, phi: f64, vm: &mut Vm) -> PyResult {
    match functions::rect(r, phi) {
        Ok((re, im)) => vm.new_complex(re, im),
        Err(f) => Err(fault(vm, f)),
    }
}

/// Whether both parts are finite.
#[pyfunction(sig = "(z, /)")]
pub fn isfinite(z: &Value, vm: &mut Vm) -> PyResult<bool> {
    let (re, im) = vm.as_complex(z)?;
    Ok(re.is_finite() && im.is_finite())
}

/// Whether a part is NaN.
#[pyfunction(sig = "(z, /)")]
pub fn isnan(z: &Value, vm: &mut Vm) -> PyResult<bool> {
    let (re, im) = vm.as_complex(z)?;
    Ok(re.is_nan() || im.is_nan())
}

/// Whether a part is infinite.
#[pyfunction(sig = "(z, /)")]
pub fn isinf(z: &Value, vm: &mut Vm) -> PyResult<bool> {
    let (re, im) = vm.as_complex(z)?;
    Ok(re.is_infinite() || im.is_infinite())
}

/// Whether two numbers are close: their distance is at most `rel_tol` times the larger absolute value, or at most `abs_tol`.
#[pyfunction(sig = "(a, b, *, rel_tol=1e-09, abs_tol=0.0)")]
pub fn isclose(a: &Value, b: &Value, rel_tol: f64, abs_tol: f64, vm: &mut Vm) -> PyResult<bool> {
    let (a, b) = (vm.as_complex(a)?, vm.as_complex(b)?);
    if rel_tol < 0.0 || abs_tol < 0.0 {
        return Err(vm.value_error("tolerances must be non-negative"));
    }
    if a == b {
        return Ok(true);
    }
    let infinite = |z: Parts| z.0.is_infinite() || z.1.is_infinite();
    if infinite(a) || infinite(b) {
        return Ok(false);
    }
    let size = |z: Parts| functions::abs(z).unwrap_or(f64::INFINITY);
    let difference = size((a.0 - b.0, a.1 - b.1));
    Ok(difference <= rel_tol * size(b) || difference <= rel_tol * size(a) || difference <= abs_tol)
}
