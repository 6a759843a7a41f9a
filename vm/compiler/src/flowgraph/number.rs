//! Floats and complex numbers as CPython computes them, to the last bit.

use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive, Zero};

/// A complex number: real and imaginary part.
type Complex = (f64, f64);

/// `float(n)`, correctly rounded; `None` when it overflows.
pub(super) fn int_to_f64(n: &BigInt) -> Option<f64> {
    n.to_f64().filter(|v| v.is_finite())
}

/// `n == f` without rounding.
pub(super) fn int_equals_f64(n: &BigInt, f: f64) -> bool {
    f.is_finite() && f.fract() == 0.0 && num_traits::FromPrimitive::from_f64(f).is_some_and(|i: BigInt| i == *n)
}

/// `a / b`, correctly rounded; `None` when `b` is zero or the result overflows.
pub(super) fn int_true_divide(a: &BigInt, b: &BigInt) -> Option<f64> {
    if b.is_zero() {
        return None;
    }
    let negative = a.is_negative() != b.is_negative();
    if a.is_zero() {
        return Some(if negative { -0.0 } else { 0.0 });
    }
    let exact = |n: &BigInt| n.magnitude().bits() <= 53;
    if exact(a) && exact(b) {
        return Some(a.to_f64()? / b.to_f64()?);
    }
    let (a, b) = (a.magnitude(), b.magnitude());
    // Scale so that the quotient has at least 64 bits, and fold what is left into a sticky bit.
    let shift = 65 + b.bits() as i64 - a.bits() as i64;
    let (numerator, denominator) = if shift >= 0 { (a << shift as u64, b.clone()) } else { (a.clone(), b << (-shift) as u64) };
    let quotient = &numerator / &denominator;
    let sticky = quotient.clone() * &denominator != numerator;
    let extra = quotient.bits() as i64 - 64;
    let low_lost = extra > 0 && (&quotient >> extra as u64) << extra as u64 != quotient;
    let mantissa = (&quotient >> extra.max(0) as u64).to_u64()? | u64::from(sticky || low_lost);
    scale(mantissa, extra.max(0) - shift).map(|v| if negative { -v } else { v })
}

/// `mantissa * 2**exponent`, rounded once; the mantissa's lowest bit may be sticky. `None` on overflow.
fn scale(mantissa: u64, exponent: i64) -> Option<f64> {
    let bits = 64 - i64::from(mantissa.leading_zeros());
    let top = bits + exponent;
    if top > 1024 {
        return None;
    }
    // Bits that a result of this size can hold: fewer for subnormals.
    let keep = (top + 1074).min(53);
    if keep < 0 {
        return Some(0.0);
    }
    let drop = (bits - keep).clamp(0, 64) as u32;
    let (kept, rest) = if drop >= 64 { (0, mantissa) } else { (mantissa >> drop, mantissa & ((1 << drop) - 1)) };
    let half = if drop == 0 { 0 } else { 1 << (drop - 1) };
    let up = drop > 0 && (rest > half || rest == half && kept & 1 == 1);
    let rounded = (kept + u64::from(up)) as f64;
    let exponent = exponent + i64::from(drop);
    // Two exact steps, since one power of two may itself be out of range.
    let first = exponent.clamp(-1000, 1000);
    let result = rounded * power_of_two(first) * power_of_two(exponent - first);
    result.is_finite().then_some(result)
}

fn power_of_two(exponent: i64) -> f64 {
    2.0_f64.powi(exponent as i32)
}

/// Floor quotient and remainder of floats; `b` is not zero.
pub(super) fn float_divmod(a: f64, b: f64) -> (f64, f64) {
    let mut remainder = a % b;
    let mut quotient = (a - remainder) / b;
    if remainder == 0.0 {
        remainder = 0.0_f64.copysign(b);
    } else if (b < 0.0) != (remainder < 0.0) {
        remainder += b;
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return (0.0_f64.copysign(a / b), remainder);
    }
    let floor = quotient.floor();
    (if quotient - floor > 0.5 { floor + 1.0 } else { floor }, remainder)
}

/// What a power of floats is: negative numbers have complex roots.
pub(super) enum Power {
    Real(f64),
    Complex(Complex),
}

/// `a ** b`; `None` for what raises.
pub(super) fn float_power(a: f64, b: f64) -> Option<Power> {
    if b == 0.0 || a == 1.0 {
        return Some(Power::Real(1.0));
    }
    if a.is_nan() || b.is_nan() || a.is_infinite() || b.is_infinite() {
        return Some(Power::Real(a.powf(b)));
    }
    if a == 0.0 && b < 0.0 {
        return None;
    }
    if a < 0.0 && b.floor() != b {
        return complex_power((a, 0.0), (b, 0.0)).map(Power::Complex);
    }
    Some(a.powf(b)).filter(|v| v.is_finite()).map(Power::Real)
}

/// `a * b`. Where the plain product is not a number in both parts, infinite operands decide (C's Annex G).
pub(super) fn complex_product(z: Complex, w: Complex) -> Complex {
    let ((mut a, mut b), (mut c, mut d)) = (z, w);
    let (ac, bd, ad, bc) = (a * c, b * d, a * d, b * c);
    let plain = (ac - bd, ad + bc);
    if !(plain.0.is_nan() && plain.1.is_nan()) {
        return plain;
    }
    let mut recalculate = false;
    let unit = |v: f64| (if v.is_infinite() { 1.0_f64 } else { 0.0 }).copysign(v);
    let zero_if_nan = |v: f64| if v.is_nan() { 0.0_f64.copysign(v) } else { v };
    if a.is_infinite() || b.is_infinite() {
        (a, b) = (unit(a), unit(b));
        (c, d) = (zero_if_nan(c), zero_if_nan(d));
        recalculate = true;
    }
    if c.is_infinite() || d.is_infinite() {
        (c, d) = (unit(c), unit(d));
        (a, b) = (zero_if_nan(a), zero_if_nan(b));
        recalculate = true;
    }
    if !recalculate && [ac, bd, ad, bc].iter().any(|v| v.is_infinite()) {
        (a, b, c, d) = (zero_if_nan(a), zero_if_nan(b), zero_if_nan(c), zero_if_nan(d));
        recalculate = true;
    }
    if recalculate { (f64::INFINITY * (a * c - b * d), f64::INFINITY * (a * d + b * c)) } else { plain }
}

/// `a / b` by Smith's method; `None` when `b` is zero.
pub(super) fn complex_quotient(a: Complex, b: Complex) -> Option<Complex> {
    let result = if b.0.abs() >= b.1.abs() {
        if b.0 == 0.0 && b.1 == 0.0 {
            return None;
        }
        let ratio = b.1 / b.0;
        let denominator = b.0 + b.1 * ratio;
        ((a.0 + a.1 * ratio) / denominator, (a.1 - a.0 * ratio) / denominator)
    } else if b.1.abs() >= b.0.abs() {
        let ratio = b.0 / b.1;
        let denominator = b.0 * ratio + b.1;
        ((a.0 * ratio + a.1) / denominator, (a.1 * ratio - a.0) / denominator)
    } else {
        (f64::NAN, f64::NAN)
    };
    Some(recover_quotient(a, b, result))
}

/// Infinities and zeros that Smith's method turns into not-a-number (C's Annex G).
fn recover_quotient(a: Complex, b: Complex, result: Complex) -> Complex {
    if !(result.0.is_nan() && result.1.is_nan()) {
        return result;
    }
    let unit = |v: f64| (if v.is_infinite() { 1.0_f64 } else { 0.0 }).copysign(v);
    let infinite = |z: Complex| z.0.is_infinite() || z.1.is_infinite();
    let finite = |z: Complex| z.0.is_finite() && z.1.is_finite();
    if infinite(a) && finite(b) {
        let (x, y) = (unit(a.0), unit(a.1));
        (f64::INFINITY * (x * b.0 + y * b.1), f64::INFINITY * (y * b.0 - x * b.1))
    } else if infinite(b) && finite(a) {
        let (x, y) = (unit(b.0), unit(b.1));
        (0.0 * (a.0 * x + a.1 * y), 0.0 * (a.1 * x - a.0 * y))
    } else {
        result
    }
}

/// `a / b` with a real `a`; `None` when `b` is zero.
pub(super) fn real_over_complex(a: f64, b: Complex) -> Option<Complex> {
    let result = if b.0.abs() >= b.1.abs() {
        if b.0 == 0.0 && b.1 == 0.0 {
            return None;
        }
        let ratio = b.1 / b.0;
        let denominator = b.0 + b.1 * ratio;
        (a / denominator, -a * ratio / denominator)
    } else if b.1.abs() >= b.0.abs() {
        let ratio = b.0 / b.1;
        let denominator = b.0 * ratio + b.1;
        (a * ratio / denominator, -a / denominator)
    } else {
        (f64::NAN, f64::NAN)
    };
    if result.0.is_nan() && result.1.is_nan() && a.is_finite() && (b.0.is_infinite() || b.1.is_infinite()) {
        let unit = |v: f64| (if v.is_infinite() { 1.0_f64 } else { 0.0 }).copysign(v);
        return Some((0.0 * (a * unit(b.0)), 0.0 * (-a * unit(b.1))));
    }
    Some(result)
}

/// `a ** b`; `None` for what raises.
pub(super) fn complex_power(a: Complex, b: Complex) -> Option<Complex> {
    let result = if b.1 == 0.0 && b.0 == b.0.floor() && b.0.abs() <= 100.0 {
        integer_power(a, b.0 as i32)?
    } else {
        general_power(a, b)?
    };
    // A power that overflows raises.
    (!result.0.is_infinite() && !result.1.is_infinite()).then_some(result)
}

fn integer_power(a: Complex, exponent: i32) -> Option<Complex> {
    if exponent < 0 {
        return complex_quotient((1.0, 0.0), unsigned_power(a, exponent.unsigned_abs()));
    }
    Some(unsigned_power(a, exponent.unsigned_abs()))
}

fn unsigned_power(a: Complex, exponent: u32) -> Complex {
    let (mut result, mut square, mut mask) = ((1.0, 0.0), a, 1);
    while exponent >= mask {
        if exponent & mask != 0 {
            result = complex_product(result, square);
        }
        mask <<= 1;
        square = complex_product(square, square);
    }
    result
}

fn general_power(a: Complex, b: Complex) -> Option<Complex> {
    if b == (0.0, 0.0) {
        return Some((1.0, 0.0));
    }
    if a == (0.0, 0.0) {
        return (b.1 == 0.0 && b.0 >= 0.0).then_some((0.0, 0.0));
    }
    let absolute = a.0.hypot(a.1);
    let mut length = absolute.powf(b.0);
    let angle = a.1.atan2(a.0);
    let mut phase = angle * b.0;
    if b.1 != 0.0 {
        length *= (-angle * b.1).exp();
        phase += b.1 * absolute.ln();
    }
    // The sine of an infinity is a domain error.
    (!phase.is_infinite()).then(|| (length * phase.cos(), length * phase.sin()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn true_division_rounds_once() {
        let big = |text: &str| text.parse::<BigInt>().unwrap_or_default();
        let huge = BigInt::from(10).pow(400);
        assert_eq!(int_true_divide(&huge, &(&huge + 1)), Some(1.0));
        assert_eq!(int_true_divide(&huge, &BigInt::from(3)), None);
        assert_eq!(int_true_divide(&big("9007199254740993"), &BigInt::from(1)), Some(9007199254740992.0));
        assert_eq!(int_true_divide(&big("9007199254740995"), &BigInt::from(1)), Some(9007199254740996.0));
        assert_eq!(int_true_divide(&BigInt::from(1), &BigInt::from(2).pow(1074)), Some(5e-324));
        assert_eq!(int_true_divide(&BigInt::from(1), &BigInt::from(2).pow(1075)), Some(0.0));
        assert_eq!(int_true_divide(&BigInt::from(3), &BigInt::from(2).pow(1075)), Some(1e-323));
    }

    #[test]
    fn float_division_floors() {
        assert_eq!(float_divmod(-7.5, 2.0), (-4.0, 0.5));
        assert_eq!(float_divmod(1.0, -0.1).0, -10.0);
    }
}
