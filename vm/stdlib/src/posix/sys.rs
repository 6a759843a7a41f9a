//! Small pieces of the system's interface that several files use.
#![allow(unsafe_code, reason = "system calls")]

use crate::oserror::sys;
use std::ffi::CStr;

/// What the C library says about an error number.
pub fn strerror(code: i32) -> String {
    let mut buffer = [0u8; 256];
    sys!(libc::strerror_r(code, buffer.as_mut_ptr().cast(), buffer.len()));
    CStr::from_bytes_until_nul(&buffer).map(|c| c.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Seconds and nanoseconds of a `timespec` as nanoseconds.
pub fn nanos(ts: &libc::timespec) -> i128 {
    i128::from(ts.tv_sec) * 1_000_000_000 + i128::from(ts.tv_nsec)
}
