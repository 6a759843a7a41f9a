//! The C library's functions that Rust's `f64` lacks or computes itself. CPython calls the same ones, so results agree to the last bit.
//!
//! Rust's `compiler_builtins` has a `cbrt` and an `fma` of its own, which the linker would take; the GNU library's other names for them
//! say which ones are meant.
#![allow(unsafe_code, reason = "declares functions of the C library")]

// SAFETY: pure functions of their arguments with these signatures in every C library.
#[link(name = "m")]
unsafe extern "C" {
    pub safe fn acosh(x: f64) -> f64;
    pub safe fn asinh(x: f64) -> f64;
    pub safe fn atanh(x: f64) -> f64;
    pub safe fn erf(x: f64) -> f64;
    pub safe fn erfc(x: f64) -> f64;
    pub safe fn log1p(x: f64) -> f64;
    pub safe fn nextafter(x: f64, y: f64) -> f64;
    pub safe fn ldexp(x: f64, e: i32) -> f64;
    #[cfg_attr(target_env = "gnu", link_name = "fmaf64")]
    pub safe fn fma(x: f64, y: f64, z: f64) -> f64;
    pub safe fn exp2(x: f64) -> f64;
    #[cfg_attr(target_env = "gnu", link_name = "cbrtf64")]
    pub safe fn cbrt(x: f64) -> f64;
}

/// `log1p` that keeps the sign of zero.
pub fn m_log1p(x: f64) -> f64 {
    if x == 0.0 { x } else { log1p(x) }
}
