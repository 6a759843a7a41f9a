//! `math`: real functions over the C library's, with Python's errors; integer functions in `integer`, exact sums in `sums`.

use krait_runtime::types::dict::Dict;
use krait_runtime::types::float::text::repr;
use krait_runtime::types::float::{Float, float_value, frexp as split};
use krait_runtime::types::int::{Int, IntRef, arith};
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyResult, Raised, Value, Vm, n, pyfunction};
use num_bigint::BigInt;
use num_traits::{FromPrimitive, One, Signed};

mod integer;
mod lanczos;
pub mod libm;
mod sums;

use integer::{comb, factorial, gcd, isqrt, lcm, perm};
use libm::m_log1p;
use sums::{dist, fsum, hypot, prod, sumprod};

krait_runtime::module! {
    "math",
    doc: "The mathematical functions of the C standard, and more for integers and exact sums.",
    functions: [
        acos, acosh, asin, asinh, atan, atan2, atanh, cbrt, ceil, copysign, cos, cosh, degrees, dist, erf, erfc, exp, exp2, expm1, fabs, factorial,
        floor, fma, fmod, frexp, fsum, gamma, gcd, hypot, isclose, isfinite, isinf, isnan, isqrt, lcm, ldexp, lgamma, log, log1p, log10, log2, modf,
        pow, radians, remainder, sin, sinh, sqrt, tan, tanh, sumprod, trunc, prod, perm, comb, nextafter, ulp
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
    Ok(())
}

/// What an argument outside the domain is told: `expected`, with the argument in the place of `{}`.
#[cold]
fn domain(vm: &mut Vm, expected: &str, x: f64) -> Raised {
    if expected.is_empty() {
        return vm.value_error("math domain error");
    }
    vm.value_error(format!("{expected}, got {}", repr(x)))
}

#[cold]
fn range(vm: &mut Vm) -> Raised {
    vm.overflow_error("math range error")
}

/// A function of one real number: NaN out of a number is a domain error, infinity out of a finite number one of range or domain.
fn real(vm: &mut Vm, x: &Value, function: impl Fn(f64) -> f64, can_overflow: bool, expected: &str) -> PyResult {
    let x = vm.as_f64(x)?;
    let r = function(x);
    if r.is_nan() && !x.is_nan() {
        return Err(domain(vm, expected, x));
    }
    if r.is_infinite() && x.is_finite() {
        return Err(if can_overflow { range(vm) } else { domain(vm, expected, x) });
    }
    vm.new_float(r)
}

macro_rules! reals {
    ($($(#[$doc:meta])* $name:ident: $function:expr, $overflow:literal, $expected:literal;)*) => {$(
        $(#[$doc])*
        #[pyfunction(sig = "(x, /)")]
        pub fn $name(x: &Value, vm: &mut Vm) -> PyResult {
            real(vm, x, $function, $overflow, $expected)
        }
    )*};
}

reals! {
    /// The angle between 0 and pi whose cosine is x.
    acos: f64::acos, false, "expected a number in range from -1 up to 1";
    /// The nonnegative number whose hyperbolic cosine is x.
    acosh: |x| libm::acosh(x), false, "expected argument value not less than 1";
    /// The angle between -pi/2 and pi/2 whose sine is x.
    asin: f64::asin, false, "expected a number in range from -1 up to 1";
    /// The number whose hyperbolic sine is x.
    asinh: |x| libm::asinh(x), false, "";
    /// The angle between -pi/2 and pi/2 whose tangent is x.
    atan: f64::atan, false, "";
    /// The number whose hyperbolic tangent is x.
    atanh: |x| libm::atanh(x), false, "expected a number between -1 and 1";
    /// The cube root of x.
    cbrt: |x| libm::cbrt(x), false, "";
    /// The cosine of x radians.
    cos: f64::cos, false, "expected a finite input";
    /// The hyperbolic cosine of x.
    cosh: f64::cosh, true, "";
    /// The error function at x.
    erf: |x| libm::erf(x), false, "";
    /// One minus the error function at x, without loss of digits.
    erfc: |x| libm::erfc(x), false, "";
    /// e to the power x.
    exp: f64::exp, true, "";
    /// 2 to the power x.
    exp2: |x| libm::exp2(x), true, "";
    /// e to the power x, minus 1, without loss of digits near 0.
    expm1: f64::exp_m1, true, "";
    /// The absolute value of x as a float.
    fabs: f64::abs, false, "";
    /// The natural logarithm of 1+x, accurate near 0.
    log1p: m_log1p, false, "expected argument value > -1";
    /// The sine of x radians.
    sin: f64::sin, false, "expected a finite input";
    /// The hyperbolic sine of x.
    sinh: f64::sinh, true, "";
    /// The square root of x.
    sqrt: f64::sqrt, false, "expected a nonnegative input";
    /// The tangent of x radians.
    tan: f64::tan, false, "expected a finite input";
    /// The hyperbolic tangent of x.
    tanh: f64::tanh, false, "";
}

fn gamma_result(vm: &mut Vm, x: f64, result: Result<f64, lanczos::Fault>) -> PyResult {
    match result {
        Ok(r) => vm.new_float(r),
        Err(lanczos::Fault::Domain) => Err(domain(vm, "expected a noninteger or positive integer", x)),
        Err(lanczos::Fault::Range) => Err(range(vm)),
    }
}

/// The gamma function at x.
#[pyfunction(sig = "(x, /)")]
pub fn gamma(x: f64, vm: &mut Vm) -> PyResult {
    gamma_result(vm, x, lanczos::gamma(x))
}

/// The natural logarithm of the absolute value of the gamma function at x.
#[pyfunction(sig = "(x, /)")]
pub fn lgamma(x: f64, vm: &mut Vm) -> PyResult {
    gamma_result(vm, x, lanczos::lgamma(x))
}

/// A function of two real numbers: NaN out of numbers is a domain error, infinity out of finite ones a range error.
fn real2(vm: &mut Vm, x: f64, y: f64, r: f64) -> PyResult {
    if r.is_nan() && !x.is_nan() && !y.is_nan() {
        return Err(domain(vm, "", x));
    }
    if r.is_infinite() && x.is_finite() && y.is_finite() {
        return Err(range(vm));
    }
    vm.new_float(r)
}

/// The angle of the point (x, y) seen from the origin, between -pi and pi.
#[pyfunction(sig = "(y, x, /)")]
pub fn atan2(y: f64, x: f64, vm: &mut Vm) -> PyResult {
    real2(vm, y, x, y.atan2(x))
}

/// The magnitude of x with the sign of y.
#[pyfunction(sig = "(x, y, /)")]
pub fn copysign(x: f64, y: f64) -> f64 {
    x.copysign(y)
}

/// The difference of x and the nearest integer multiple of y, as IEEE 754 has it; in a tie the even multiple counts.
#[pyfunction(sig = "(x, y, /)")]
pub fn remainder(x: f64, y: f64, vm: &mut Vm) -> PyResult {
    real2(vm, x, y, ieee_remainder(x, y))
}

fn ieee_remainder(x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        return if x.is_nan() { x } else { y };
    }
    if x.is_infinite() || y == 0.0 {
        return f64::NAN;
    }
    if y.is_infinite() {
        return x;
    }
    let (ax, ay) = (x.abs(), y.abs());
    let m = ax % ay;
    // Compared with what is left to y: half of y need not be representable.
    let c = ay - m;
    let r = if m < c {
        m
    } else if m > c {
        -c
    } else {
        m - 2.0 * ((0.5 * (ax - m)) % ay)
    };
    1f64.copysign(x) * r
}

/// The remainder of x / y with the sign of x, as the C library computes it.
#[pyfunction(sig = "(x, y, /)")]
pub fn fmod(x: f64, y: f64, vm: &mut Vm) -> PyResult {
    if y.is_infinite() && x.is_finite() {
        return vm.new_float(x);
    }
    let r = x % y;
    if r.is_nan() && !x.is_nan() && !y.is_nan() {
        return Err(domain(vm, "", x));
    }
    vm.new_float(r)
}

/// x to the power y, both as floats.
#[pyfunction(sig = "(x, y, /)")]
pub fn pow(x: f64, y: f64, vm: &mut Vm) -> PyResult {
    let r = x.powf(y);
    if x.is_finite() && y.is_finite() {
        if r.is_nan() || (r.is_infinite() && x == 0.0) {
            return Err(domain(vm, "", x));
        }
        if r.is_infinite() {
            return Err(range(vm));
        }
    }
    vm.new_float(r)
}

/// x * y + z with one rounding.
#[pyfunction(sig = "(x, y, z, /)")]
pub fn fma(x: f64, y: f64, z: f64, vm: &mut Vm) -> PyResult {
    let r = libm::fma(x, y, z);
    if r.is_finite() {
        return vm.new_float(r);
    }
    if r.is_nan() {
        if !x.is_nan() && !y.is_nan() && !z.is_nan() {
            return Err(vm.value_error("invalid operation in fma"));
        }
    } else if x.is_finite() && y.is_finite() && z.is_finite() {
        return Err(vm.overflow_error("overflow in fma"));
    }
    vm.new_float(r)
}

/// `x.__NAME__()` or the rounded float as an int.
fn round_with(vm: &mut Vm, x: &Value, name: &Py<krait_runtime::types::str_::Str>, round: fn(f64) -> f64) -> PyResult {
    if !x.is_exact::<Float>()
        && let Some(method) = vm.lookup_special(x, name)? {
            return vm.call(&method, &[]);
        }
    let f = round(vm.as_f64(x)?);
    to_int(vm, f)
}

fn to_int(vm: &mut Vm, f: f64) -> PyResult {
    if f.is_nan() {
        return Err(vm.value_error("cannot convert float NaN to integer"));
    }
    match BigInt::from_f64(f) {
        Some(_) if f.abs() < 9e18 => vm.new_int(f as i64),
        Some(big) => vm.new_bigint(big),
        None => Err(vm.overflow_error("cannot convert float infinity to integer")),
    }
}

/// The smallest integer that is not less than x.
#[pyfunction(sig = "(x, /)")]
pub fn ceil(x: &Value, vm: &mut Vm) -> PyResult {
    let name = vm.intern("__ceil__");
    round_with(vm, x, &name, f64::ceil)
}

/// The largest integer that is not greater than x.
#[pyfunction(sig = "(x, /)")]
pub fn floor(x: &Value, vm: &mut Vm) -> PyResult {
    let name = vm.intern("__floor__");
    round_with(vm, x, &name, f64::floor)
}

/// x without its fraction, through `__trunc__`.
#[pyfunction(sig = "(x, /)")]
pub fn trunc(x: &Value, vm: &mut Vm) -> PyResult {
    if let Some(f) = float_value(x).filter(|_| x.is_exact::<Float>()) {
        return to_int(vm, f.trunc());
    }
    match vm.lookup_special(x, n!(__trunc__))? {
        Some(method) => vm.call(&method, &[]),
        None => {
            let name = x.type_name();
            Err(vm.type_error(format!("type {name} doesn't define __trunc__ method")))
        }
    }
}

/// A logarithm that takes ints of any size.
fn logarithm(vm: &mut Vm, x: &Value, log: fn(f64) -> f64) -> PyResult {
    if let Some(int) = IntRef::new(x) {
        let big = int.to_big();
        if !big.is_positive() {
            return Err(vm.value_error("expected a positive input"));
        }
        if let Ok(f) = arith::to_f64(vm, &int) {
            return vm.new_float(log(f));
        }
        // big == m * 2**e with 1/2 <= m <= 1
        let e = big.bits();
        let m = arith::ratio_to_f64(&big, &(BigInt::one() << e)).unwrap_or(1.0);
        return vm.new_float(log(m) + log(2.0) * e as f64);
    }
    let f = vm.as_f64(x)?;
    if f <= 0.0 {
        return Err(domain(vm, "expected a positive input", f));
    }
    vm.new_float(log(f))
}

/// The logarithm of x to a base, by default the natural one.
#[pyfunction]
pub fn log(args: Args<'_>, vm: &mut Vm) -> PyResult {
    args.no_keywords(vm, "math.log")?;
    krait_runtime::args::check_positional(vm, "log", args.values().len(), 1, 2)?;
    let Some((x, rest)) = args.values().split_first() else { return Ok(Value::none()) };
    let x = logarithm(vm, x, f64::ln)?;
    match rest.first() {
        None => Ok(x),
        Some(base) => {
            let base = logarithm(vm, base, f64::ln)?;
            vm.binary_op(krait_bytecode::opcode::BinaryOp::NB_TRUE_DIVIDE, &x, &base)
        }
    }
}

/// The logarithm of x to base 2.
#[pyfunction(sig = "(x, /)")]
pub fn log2(x: &Value, vm: &mut Vm) -> PyResult {
    logarithm(vm, x, f64::log2)
}

/// The logarithm of x to base 10.
#[pyfunction(sig = "(x, /)")]
pub fn log10(x: &Value, vm: &mut Vm) -> PyResult {
    logarithm(vm, x, f64::log10)
}

/// `(m, e)` with x == m * 2**e and the absolute value of m from 1/2 up to 1; m and e are 0 for 0.
#[pyfunction(sig = "(x, /)")]
pub fn frexp(x: f64, vm: &mut Vm) -> PyResult {
    let (m, e) = split(x);
    let pair = vec![vm.new_float(m)?, Value::from_i32(e)];
    Ok(vm.new_tuple(pair)?.into_value())
}

/// x * 2**i.
#[pyfunction(sig = "(x, i, /)")]
pub fn ldexp(x: f64, i: &Value, vm: &mut Vm) -> PyResult {
    if !i.is::<Int>() {
        return Err(vm.type_error("Expected an int as second argument to ldexp."));
    }
    let exponent = match IntRef::new(i) {
        Some(int) => int.to_i64().unwrap_or(if int.is_negative() { i64::MIN } else { i64::MAX }),
        None => 0,
    };
    if x == 0.0 || !x.is_finite() {
        return vm.new_float(x);
    }
    let r = libm::ldexp(x, exponent.clamp(-100_000, 100_000) as i32);
    if r.is_infinite() { Err(range(vm)) } else { vm.new_float(r) }
}

/// The fraction and the integer part of x, both floats with the sign of x.
#[pyfunction(sig = "(x, /)")]
pub fn modf(x: f64, vm: &mut Vm) -> PyResult {
    let (fraction, whole) = if x.is_infinite() { (0f64.copysign(x), x) } else { ((x - x.trunc()).copysign(x), x.trunc()) };
    let pair = vec![vm.new_float(fraction)?, vm.new_float(whole)?];
    Ok(vm.new_tuple(pair)?.into_value())
}

/// An angle in degrees, given in radians.
#[pyfunction(sig = "(x, /)")]
pub fn degrees(x: f64) -> f64 {
    x * (180.0 / std::f64::consts::PI)
}

/// An angle in radians, given in degrees.
#[pyfunction(sig = "(x, /)")]
pub fn radians(x: f64) -> f64 {
    x * (std::f64::consts::PI / 180.0)
}

/// Whether x is neither infinite nor NaN.
#[pyfunction(sig = "(x, /)")]
pub fn isfinite(x: f64) -> bool {
    x.is_finite()
}

/// Whether x is NaN.
#[pyfunction(sig = "(x, /)")]
pub fn isnan(x: f64) -> bool {
    x.is_nan()
}

/// Whether x is infinite.
#[pyfunction(sig = "(x, /)")]
pub fn isinf(x: f64) -> bool {
    x.is_infinite()
}

/// Whether two numbers are close: their difference is at most `rel_tol` times the larger of them, or at most `abs_tol`.
#[pyfunction(sig = "(a, b, *, rel_tol=1e-09, abs_tol=0.0)")]
pub fn isclose(a: f64, b: f64, rel_tol: f64, abs_tol: f64, vm: &mut Vm) -> PyResult<bool> {
    if rel_tol < 0.0 || abs_tol < 0.0 {
        return Err(vm.value_error("tolerances must be non-negative"));
    }
    if a == b {
        return Ok(true);
    }
    if a.is_infinite() || b.is_infinite() {
        return Ok(false);
    }
    let difference = (b - a).abs();
    Ok(difference <= (rel_tol * b).abs() || difference <= (rel_tol * a).abs() || difference <= abs_tol)
}

/// The float that comes `steps` floats after x on the way to y.
#[pyfunction(sig = "(x, y, /, *, steps=None)")]
pub fn nextafter(x: f64, y: f64, steps: Value, vm: &mut Vm) -> PyResult {
    if steps.is_none() {
        return vm.new_float(libm::nextafter(x, y));
    }
    let steps = vm.index(&steps)?;
    let Some(steps) = IntRef::new(&steps) else { return Err(vm.system_error("index is no int")) };
    if steps.is_negative() {
        return Err(vm.value_error("steps must be a non-negative integer"));
    }
    let count = steps.to_i128().and_then(|s| u64::try_from(s).ok()).unwrap_or(u64::MAX);
    let r = steps_after(x, y, count);
    vm.new_float(r)
}

fn steps_after(x: f64, y: f64, steps: u64) -> f64 {
    if steps == 0 || x.is_nan() || x == y {
        return if steps != 0 && x == y { y } else { x };
    }
    if y.is_nan() {
        return y;
    }
    // Floats in order are sign and magnitude in their bits.
    const SIGN: u64 = 1 << 63;
    let (a, b) = (x.to_bits(), y.to_bits());
    let (ma, mb) = (a & !SIGN, b & !SIGN);
    let bits = if (a ^ b) & SIGN != 0 {
        // Through zero.
        if ma >= steps {
            a - steps
        } else {
            let rest = steps - ma;
            if rest >= mb { b } else { (b & SIGN) | rest }
        }
    } else if ma > mb {
        if ma - mb < steps { b } else { a - steps }
    } else if mb - ma < steps {
        b
    } else {
        a + steps
    };
    f64::from_bits(bits)
}

/// The value of the last bit of x.
#[pyfunction(sig = "(x, /)")]
pub fn ulp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let x = x.abs();
    if x.is_infinite() {
        return x;
    }
    let next = libm::nextafter(x, f64::INFINITY);
    if next.is_infinite() { x - libm::nextafter(x, f64::NEG_INFINITY) } else { next - x }
}
