//! `_posixshmem`: memory that processes share by name.
#![allow(unsafe_code, reason = "system calls")]

use crate::oserror::{self, sys};
use crate::fspath;
use krait_runtime::{PyResult, Value, Vm, pyfunction};

/// Open shared memory, or make it if the flags say so; a file descriptor.
#[pyfunction(sig = "(path, flags, mode=511)", text = "(path, flags, mode=511)")]
fn shm_open(path: &Value, flags: i32, mode: u32, vm: &mut Vm) -> PyResult<i32> {
    let name = fspath::fs_bytes(vm, path)?;
    oserror::call(vm, || sys!(libc::shm_open(name.as_ptr(), flags, mode)))
}

/// Take the name of shared memory out of the system.
#[pyfunction(sig = "(path)")]
fn shm_unlink(path: &Value, vm: &mut Vm) -> PyResult<()> {
    let name = fspath::fs_bytes(vm, path)?;
    oserror::call(vm, || sys!(libc::shm_unlink(name.as_ptr()))).map(drop)
}

krait_runtime::module! {
    "_posixshmem",
    doc: "Memory that processes share by name.",
    functions: [shm_open, shm_unlink],
    types: [],
}
