//! What the complex functions give for arguments with an infinite or NaN part, by the classes of the real and imaginary part:
//! -inf, negative, -0.0, 0.0, positive, inf, NaN (C99 annex G; where the standard leaves a sign open, CPython's choice).
//! None stands where both parts are finite, or where the value is an error.

use std::f64::consts::{FRAC_PI_2 as P12, FRAC_PI_4 as P14, PI as P};

const I: f64 = f64::INFINITY;
const N: f64 = f64::NAN;
const P34: f64 = 3.0 * P14;

/// Rows by the real part, columns by the imaginary one.
pub type Table = [[Option<(f64, f64)>; 7]; 7];

fn class(x: f64) -> usize {
    if x.is_nan() {
        6
    } else if x.is_infinite() {
        if x > 0.0 { 5 } else { 0 }
    } else if x == 0.0 {
        if x.is_sign_positive() { 3 } else { 2 }
    } else if x > 0.0 {
        4
    } else {
        1
    }
}

/// The entry for an argument; NaNs where there is none.
pub fn look_up(table: &Table, z: (f64, f64)) -> (f64, f64) {
    table[class(z.0)][class(z.1)].unwrap_or((N, N))
}

#[rustfmt::skip]
pub const ACOS: Table = [
    [Some((P34, I)), Some((P, I)), Some((P, I)), Some((P, -I)), Some((P, -I)), Some((P34, -I)), Some((N, I))],
    [Some((P12, I)), None, None, None, None, Some((P12, -I)), Some((N, N))],
    [Some((P12, I)), None, None, None, None, Some((P12, -I)), Some((P12, N))],
    [Some((P12, I)), None, None, None, None, Some((P12, -I)), Some((P12, N))],
    [Some((P12, I)), None, None, None, None, Some((P12, -I)), Some((N, N))],
    [Some((P14, I)), Some((0.0, I)), Some((0.0, I)), Some((0.0, -I)), Some((0.0, -I)), Some((P14, -I)), Some((N, I))],
    [Some((N, I)), Some((N, N)), Some((N, N)), Some((N, N)), Some((N, N)), Some((N, -I)), Some((N, N))],
];
#[rustfmt::skip]
pub const ACOSH: Table = [
    [Some((I, -P34)), Some((I, -P)), Some((I, -P)), Some((I, P)), Some((I, P)), Some((I, P34)), Some((I, N))],
    [Some((I, -P12)), None, None, None, None, Some((I, P12)), Some((N, N))],
    [Some((I, -P12)), None, None, None, None, Some((I, P12)), Some((N, P12))],
    [Some((I, -P12)), None, None, None, None, Some((I, P12)), Some((N, P12))],
    [Some((I, -P12)), None, None, None, None, Some((I, P12)), Some((N, N))],
    [Some((I, -P14)), Some((I, -0.0)), Some((I, -0.0)), Some((I, 0.0)), Some((I, 0.0)), Some((I, P14)), Some((I, N))],
    [Some((I, N)), Some((N, N)), Some((N, N)), Some((N, N)), Some((N, N)), Some((I, N)), Some((N, N))],
];
#[rustfmt::skip]
pub const ASINH: Table = [
    [Some((-I, -P14)), Some((-I, -0.0)), Some((-I, -0.0)), Some((-I, 0.0)), Some((-I, 0.0)), Some((-I, P14)), Some((-I, N))],
    [Some((-I, -P12)), None, None, None, None, Some((-I, P12)), Some((N, N))],
    [Some((-I, -P12)), None, None, None, None, Some((-I, P12)), Some((N, N))],
    [Some((I, -P12)), None, None, None, None, Some((I, P12)), Some((N, N))],
    [Some((I, -P12)), None, None, None, None, Some((I, P12)), Some((N, N))],
    [Some((I, -P14)), Some((I, -0.0)), Some((I, -0.0)), Some((I, 0.0)), Some((I, 0.0)), Some((I, P14)), Some((I, N))],
    [Some((I, N)), Some((N, N)), Some((N, -0.0)), Some((N, 0.0)), Some((N, N)), Some((I, N)), Some((N, N))],
];
#[rustfmt::skip]
pub const ATANH: Table = [
    [Some((-0.0, -P12)), Some((-0.0, -P12)), Some((-0.0, -P12)), Some((-0.0, P12)), Some((-0.0, P12)), Some((-0.0, P12)), Some((-0.0, N))],
    [Some((-0.0, -P12)), None, None, None, None, Some((-0.0, P12)), Some((N, N))],
    [Some((-0.0, -P12)), None, None, None, None, Some((-0.0, P12)), Some((-0.0, N))],
    [Some((0.0, -P12)), None, None, None, None, Some((0.0, P12)), Some((0.0, N))],
    [Some((0.0, -P12)), None, None, None, None, Some((0.0, P12)), Some((N, N))],
    [Some((0.0, -P12)), Some((0.0, -P12)), Some((0.0, -P12)), Some((0.0, P12)), Some((0.0, P12)), Some((0.0, P12)), Some((0.0, N))],
    [Some((0.0, -P12)), Some((N, N)), Some((N, N)), Some((N, N)), Some((N, N)), Some((0.0, P12)), Some((N, N))],
];
#[rustfmt::skip]
pub const COSH: Table = [
    [None, Some((-I, I)), Some((I, 0.0)), Some((I, -0.0)), Some((-I, -I)), None, Some((I, N))],
    [None, None, None, None, None, None, Some((N, N))],
    [None, None, None, None, None, None, Some((N, 0.0))],
    [None, None, None, None, None, None, Some((N, 0.0))],
    [None, None, None, None, None, None, Some((N, N))],
    [None, Some((-I, -I)), Some((I, -0.0)), Some((I, 0.0)), Some((-I, I)), None, Some((I, N))],
    [Some((N, N)), Some((N, N)), Some((N, 0.0)), Some((N, 0.0)), Some((N, N)), Some((N, N)), Some((N, N))],
];
#[rustfmt::skip]
pub const EXP: Table = [
    [Some((0.0, 0.0)), Some((-0.0, -0.0)), Some((0.0, -0.0)), Some((0.0, 0.0)), Some((-0.0, 0.0)), Some((0.0, 0.0)), Some((0.0, 0.0))],
    [None, None, None, None, None, None, Some((N, N))],
    [None, None, None, None, None, None, Some((N, N))],
    [None, None, None, None, None, None, Some((N, N))],
    [None, None, None, None, None, None, Some((N, N))],
    [None, Some((-I, -I)), Some((I, -0.0)), Some((I, 0.0)), Some((-I, I)), None, Some((I, N))],
    [Some((N, N)), Some((N, N)), Some((N, -0.0)), Some((N, 0.0)), Some((N, N)), Some((N, N)), Some((N, N))],
];
#[rustfmt::skip]
pub const LOG: Table = [
    [Some((I, -P34)), Some((I, -P)), Some((I, -P)), Some((I, P)), Some((I, P)), Some((I, P34)), Some((I, N))],
    [Some((I, -P12)), None, None, None, None, Some((I, P12)), Some((N, N))],
    [Some((I, -P12)), None, None, None, None, Some((I, P12)), Some((N, N))],
    [Some((I, -P12)), None, None, None, None, Some((I, P12)), Some((N, N))],
    [Some((I, -P12)), None, None, None, None, Some((I, P12)), Some((N, N))],
    [Some((I, -P14)), Some((I, -0.0)), Some((I, -0.0)), Some((I, 0.0)), Some((I, 0.0)), Some((I, P14)), Some((I, N))],
    [Some((I, N)), Some((N, N)), Some((N, N)), Some((N, N)), Some((N, N)), Some((I, N)), Some((N, N))],
];
#[rustfmt::skip]
pub const SINH: Table = [
    [None, Some((I, -I)), Some((-I, -0.0)), Some((-I, 0.0)), Some((I, I)), None, Some((I, N))],
    [None, None, None, None, None, None, Some((N, N))],
    [None, None, None, None, None, None, Some((0.0, N))],
    [None, None, None, None, None, None, Some((0.0, N))],
    [None, None, None, None, None, None, Some((N, N))],
    [None, Some((-I, -I)), Some((I, -0.0)), Some((I, 0.0)), Some((-I, I)), None, Some((I, N))],
    [Some((N, N)), Some((N, N)), Some((N, -0.0)), Some((N, 0.0)), Some((N, N)), Some((N, N)), Some((N, N))],
];
#[rustfmt::skip]
pub const SQRT: Table = [
    [Some((I, -I)), Some((0.0, -I)), Some((0.0, -I)), Some((0.0, I)), Some((0.0, I)), Some((I, I)), Some((N, I))],
    [Some((I, -I)), None, None, None, None, Some((I, I)), Some((N, N))],
    [Some((I, -I)), None, None, None, None, Some((I, I)), Some((N, N))],
    [Some((I, -I)), None, None, None, None, Some((I, I)), Some((N, N))],
    [Some((I, -I)), None, None, None, None, Some((I, I)), Some((N, N))],
    [Some((I, -I)), Some((I, -0.0)), Some((I, -0.0)), Some((I, 0.0)), Some((I, 0.0)), Some((I, I)), Some((I, N))],
    [Some((I, -I)), Some((N, N)), Some((N, N)), Some((N, N)), Some((N, N)), Some((I, I)), Some((N, N))],
];
#[rustfmt::skip]
pub const TANH: Table = [
    [Some((-1.0, 0.0)), Some((-1.0, 0.0)), Some((-1.0, -0.0)), Some((-1.0, 0.0)), Some((-1.0, -0.0)), Some((-1.0, 0.0)), Some((-1.0, 0.0))],
    [None, None, None, None, None, None, Some((N, N))],
    [None, None, None, None, None, None, Some((-0.0, N))],
    [None, None, None, None, None, None, Some((0.0, N))],
    [None, None, None, None, None, None, Some((N, N))],
    [Some((1.0, 0.0)), Some((1.0, 0.0)), Some((1.0, -0.0)), Some((1.0, 0.0)), Some((1.0, -0.0)), Some((1.0, 0.0)), Some((1.0, 0.0))],
    [Some((N, N)), Some((N, N)), Some((N, -0.0)), Some((N, 0.0)), Some((N, N)), Some((N, N)), Some((N, N))],
];
#[rustfmt::skip]
pub const RECT: Table = [
    [None, Some((I, I)), Some((-I, 0.0)), Some((-I, -0.0)), Some((I, -I)), None, Some((I, N))],
    [None, None, None, None, None, None, Some((N, N))],
    [Some((0.0, 0.0)), None, None, None, None, Some((0.0, 0.0)), Some((0.0, 0.0))],
    [Some((0.0, 0.0)), None, None, None, None, Some((0.0, 0.0)), Some((0.0, 0.0))],
    [None, None, None, None, None, None, Some((N, N))],
    [None, Some((-I, -I)), Some((I, -0.0)), Some((I, 0.0)), Some((-I, I)), None, Some((I, N))],
    [Some((N, N)), Some((N, N)), Some((N, 0.0)), Some((N, 0.0)), Some((N, N)), Some((N, N)), Some((N, N))],
];
