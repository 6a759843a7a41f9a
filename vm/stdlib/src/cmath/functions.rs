//! The complex functions, for finite arguments by formulas that avoid overflow and cancellation (W. Kahan, "Branch cuts for
//! complex elementary functions"), for the rest by tables.

use super::special::{self, Table};
use crate::math::libm::{asinh as real_asinh, ldexp, m_log1p};
use krait_runtime::types::complex::Parts;
use std::f64::consts::{E, FRAC_PI_2, LN_2, LN_10};

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Domain,
    Range,
}

pub type Outcome = Result<Parts, Fault>;

/// A quarter of the largest float: sums of a few such numbers do not overflow.
const LARGE: f64 = f64::MAX / 4.0;
/// log(LARGE)
const LOG_LARGE: f64 = 708.396_418_532_264_1;
/// √LARGE
const SQRT_LARGE: f64 = 6.703_903_964_971_298e153;
/// √f64::MIN_POSITIVE
const SQRT_MIN: f64 = 1.491_668_146_240_041_3e-154;
const SCALE_UP: i32 = 53;
const SCALE_DOWN: i32 = -27;

fn finite(z: Parts) -> bool {
    z.0.is_finite() && z.1.is_finite()
}

fn table(t: &Table, z: Parts) -> Option<Parts> {
    if finite(z) { None } else { Some(special::look_up(t, z)) }
}

/// Overflow if a part is infinite.
fn bounded(z: Parts) -> Outcome {
    if z.0.is_infinite() || z.1.is_infinite() { Err(Fault::Range) } else { Ok(z) }
}

/// Turns a function of iz into one of z: `f(z) = -i g(iz)`.
fn turned(z: Parts, function: fn(Parts) -> Outcome) -> Outcome {
    let s = function((-z.1, z.0))?;
    Ok((s.1, -s.0))
}

fn is_large(z: Parts) -> bool {
    z.0.abs() > LARGE || z.1.abs() > LARGE
}

/// log |z| of large z, plus the log of 2.
fn log_twice(z: Parts) -> f64 {
    (z.0 / 2.0).hypot(z.1 / 2.0).ln() + LN_2 * 2.0
}

fn plain_sqrt(z: Parts) -> Parts {
    if let Some(r) = table(&special::SQRT, z) {
        return r;
    }
    if z.0 == 0.0 && z.1 == 0.0 {
        return (0.0, z.1);
    }
    let (ax, ay) = (z.0.abs(), z.1.abs());
    let s = if ax < f64::MIN_POSITIVE && ay < f64::MIN_POSITIVE {
        let ax = ldexp(ax, SCALE_UP);
        ldexp((ax + ax.hypot(ldexp(ay, SCALE_UP))).sqrt(), SCALE_DOWN)
    } else {
        let ax = ax / 8.0;
        2.0 * (ax + ax.hypot(ay / 8.0)).sqrt()
    };
    let d = ay / (2.0 * s);
    if z.0 >= 0.0 { (s, d.copysign(z.1)) } else { (d, s.copysign(z.1)) }
}

pub fn sqrt(z: Parts) -> Outcome {
    Ok(plain_sqrt(z))
}

pub fn acos(z: Parts) -> Outcome {
    if let Some(r) = table(&special::ACOS, z) {
        return Ok(r);
    }
    if is_large(z) {
        let log = log_twice(z);
        let imag = if z.0 < 0.0 { -log.copysign(z.1) } else { log.copysign(-z.1) };
        return Ok((z.1.abs().atan2(z.0), imag));
    }
    let (s1, s2) = (plain_sqrt((1.0 - z.0, -z.1)), plain_sqrt((1.0 + z.0, z.1)));
    Ok((2.0 * s1.0.atan2(s2.0), real_asinh(s2.0 * s1.1 - s2.1 * s1.0)))
}

pub fn acosh(z: Parts) -> Outcome {
    if let Some(r) = table(&special::ACOSH, z) {
        return Ok(r);
    }
    if is_large(z) {
        return Ok((log_twice(z), z.1.atan2(z.0)));
    }
    let (s1, s2) = (plain_sqrt((z.0 - 1.0, z.1)), plain_sqrt((z.0 + 1.0, z.1)));
    Ok((real_asinh(s1.0 * s2.0 + s1.1 * s2.1), 2.0 * s1.1.atan2(s2.0)))
}

pub fn asin(z: Parts) -> Outcome {
    turned(z, asinh)
}

pub fn asinh(z: Parts) -> Outcome {
    if let Some(r) = table(&special::ASINH, z) {
        return Ok(r);
    }
    if is_large(z) {
        let log = log_twice(z);
        let real = if z.1 >= 0.0 { log.copysign(z.0) } else { -log.copysign(-z.0) };
        return Ok((real, z.1.atan2(z.0.abs())));
    }
    let (s1, s2) = (plain_sqrt((1.0 + z.1, -z.0)), plain_sqrt((1.0 - z.1, z.0)));
    Ok((real_asinh(s1.0 * s2.1 - s2.0 * s1.1), z.1.atan2(s1.0 * s2.0 - s1.1 * s2.1)))
}

pub fn atan(z: Parts) -> Outcome {
    turned(z, atanh)
}

pub fn atanh(z: Parts) -> Outcome {
    if let Some(r) = table(&special::ATANH, z) {
        return Ok(r);
    }
    // Odd: only the right half plane is computed.
    if z.0 < 0.0 || (z.0 == 0.0 && z.0.is_sign_negative()) {
        let r = atanh((-z.0, -z.1))?;
        return Ok((-r.0, -r.1));
    }
    let ay = z.1.abs();
    if z.0 > SQRT_LARGE || ay > SQRT_LARGE {
        let h = (z.0 / 2.0).hypot(z.1 / 2.0);
        return Ok((z.0 / 4.0 / h / h, -FRAC_PI_2.copysign(-z.1)));
    }
    if z.0 == 1.0 && ay < SQRT_MIN {
        if ay == 0.0 {
            return Err(Fault::Domain);
        }
        let real = -(ay.sqrt() / ay.hypot(2.0).sqrt()).ln();
        return Ok((real, (2f64.atan2(-ay) / 2.0).copysign(z.1)));
    }
    let real = m_log1p(4.0 * z.0 / ((1.0 - z.0) * (1.0 - z.0) + ay * ay)) / 4.0;
    Ok((real, -(-2.0 * z.1).atan2((1.0 - z.0) * (1.0 + z.0) - ay * ay) / 2.0))
}

pub fn cos(z: Parts) -> Outcome {
    cosh((-z.1, z.0))
}

/// cosh and sinh of infinite real and finite nonzero imaginary part: infinities with the signs of cosine and sine.
fn spread(z: Parts) -> Option<Parts> {
    (z.0.is_infinite() && z.1.is_finite() && z.1 != 0.0).then(|| (f64::INFINITY.copysign(z.1.cos()), f64::INFINITY.copysign(z.1.sin())))
}

pub fn cosh(z: Parts) -> Outcome {
    if !finite(z) {
        if z.1.is_infinite() && !z.0.is_nan() {
            return Err(Fault::Domain);
        }
        return Ok(match spread(z) {
            Some(r) if z.0 > 0.0 => r,
            Some(r) => (r.0, -r.1),
            None => special::look_up(&special::COSH, z),
        });
    }
    if z.0.abs() > LOG_LARGE {
        let x = z.0 - 1f64.copysign(z.0);
        return bounded((z.1.cos() * x.cosh() * E, z.1.sin() * x.sinh() * E));
    }
    bounded((z.1.cos() * z.0.cosh(), z.1.sin() * z.0.sinh()))
}

pub fn exp(z: Parts) -> Outcome {
    if !finite(z) {
        if z.1.is_infinite() && (z.0.is_finite() || z.0 == f64::INFINITY) {
            return Err(Fault::Domain);
        }
        if z.0.is_infinite() && z.1.is_finite() && z.1 != 0.0 {
            let size = if z.0 > 0.0 { f64::INFINITY } else { 0.0 };
            return Ok((size.copysign(z.1.cos()), size.copysign(z.1.sin())));
        }
        return Ok(special::look_up(&special::EXP, z));
    }
    if z.0 > LOG_LARGE {
        let l = (z.0 - 1.0).exp();
        return bounded((l * z.1.cos() * E, l * z.1.sin() * E));
    }
    let l = z.0.exp();
    bounded((l * z.1.cos(), l * z.1.sin()))
}

pub fn log(z: Parts) -> Outcome {
    if let Some(r) = table(&special::LOG, z) {
        return Ok(r);
    }
    let (ax, ay) = (z.0.abs(), z.1.abs());
    let real = if ax > LARGE || ay > LARGE {
        (ax / 2.0).hypot(ay / 2.0).ln() + LN_2
    } else if ax < f64::MIN_POSITIVE && ay < f64::MIN_POSITIVE {
        if ax == 0.0 && ay == 0.0 {
            return Err(Fault::Domain);
        }
        ldexp(ax, 53).hypot(ldexp(ay, 53)).ln() - 53.0 * LN_2
    } else {
        let h = ax.hypot(ay);
        if (0.71..=1.73).contains(&h) {
            let (am, an) = if ax > ay { (ax, ay) } else { (ay, ax) };
            m_log1p((am - 1.0) * (am + 1.0) + an * an) / 2.0
        } else {
            h.ln()
        }
    };
    Ok((real, z.1.atan2(z.0)))
}

pub fn log10(z: Parts) -> Outcome {
    let r = log(z)?;
    Ok((r.0 / LN_10, r.1 / LN_10))
}

pub fn sin(z: Parts) -> Outcome {
    turned(z, sinh)
}

pub fn sinh(z: Parts) -> Outcome {
    if !finite(z) {
        if z.1.is_infinite() && !z.0.is_nan() {
            return Err(Fault::Domain);
        }
        return Ok(match spread(z) {
            Some(r) if z.0 > 0.0 => r,
            Some(r) => (-r.0, r.1),
            None => special::look_up(&special::SINH, z),
        });
    }
    if z.0.abs() > LOG_LARGE {
        let x = z.0 - 1f64.copysign(z.0);
        return bounded((z.1.cos() * x.sinh() * E, z.1.sin() * x.cosh() * E));
    }
    bounded((z.1.cos() * z.0.sinh(), z.1.sin() * z.0.cosh()))
}

pub fn tan(z: Parts) -> Outcome {
    turned(z, tanh)
}

pub fn tanh(z: Parts) -> Outcome {
    if !finite(z) {
        if z.1.is_infinite() && z.0.is_finite() {
            return Err(Fault::Domain);
        }
        if z.0.is_infinite() && z.1.is_finite() && z.1 != 0.0 {
            return Ok((1f64.copysign(z.0), 0f64.copysign(2.0 * z.1.sin() * z.1.cos())));
        }
        return Ok(special::look_up(&special::TANH, z));
    }
    if z.0.abs() > LOG_LARGE {
        return Ok((1f64.copysign(z.0), 4.0 * z.1.sin() * z.1.cos() * (-2.0 * z.0.abs()).exp()));
    }
    let (tx, ty) = (z.0.tanh(), z.1.tan());
    let cx = 1.0 / z.0.cosh();
    let product = tx * ty;
    let denominator = 1.0 + product * product;
    Ok((tx * (1.0 + ty * ty) / denominator, (ty / denominator * cx) * cx))
}

/// |z|; Range where it overflows.
pub fn abs(z: Parts) -> Result<f64, Fault> {
    if !finite(z) {
        let infinite = z.0.is_infinite() || z.1.is_infinite();
        return Ok(if infinite { f64::INFINITY } else { f64::NAN });
    }
    let r = z.0.hypot(z.1);
    if r.is_finite() { Ok(r) } else { Err(Fault::Range) }
}

pub fn rect(r: f64, phi: f64) -> Outcome {
    if !r.is_finite() || !phi.is_finite() {
        if r != 0.0 && !r.is_nan() && phi.is_infinite() {
            return Err(Fault::Domain);
        }
        if r.is_infinite() && phi.is_finite() && phi != 0.0 {
            let z = (f64::INFINITY.copysign(phi.cos()), f64::INFINITY.copysign(phi.sin()));
            return Ok(if r > 0.0 { z } else { (-z.0, -z.1) });
        }
        return Ok(special::look_up(&special::RECT, (r, phi)));
    }
    // Where phi is 0 its sign is kept.
    Ok(if phi == 0.0 { (r, r * phi) } else { (r * phi.cos(), r * phi.sin()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_the_nearest() {
        assert_eq!(LOG_LARGE, LARGE.ln());
        assert_eq!(SQRT_LARGE, LARGE.sqrt());
        assert_eq!(SQRT_MIN, f64::MIN_POSITIVE.sqrt());
        assert_eq!(rect(1.0, std::f64::consts::PI).map(|z| z.0), Ok(-1.0));
    }
}
