//! The `fcntl` module.
#![allow(unsafe_code, reason = "system calls")]

use crate::audit::audit;
use crate::fspath::FileNo;
use crate::oserror::{self, retry, sys};
use crate::posix::fds;
use krait_runtime::protocol::buffer::flags;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::int::Int;
use krait_runtime::types::str_::Str;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Value, Vm, pyfunction};

/// Room for what the system may write behind what was given.
const MAX: usize = 1024;

fn number(vm: &mut Vm, value: &Value) -> PyResult<i64> {
    let index = vm.index(value)?;
    match vm.int_as_i128(&index) {
        // Ints and unsigned ints alike.
        Some(i) if (i128::from(i32::MIN)..=i128::from(u32::MAX)).contains(&i) => Ok(i64::from(i as u32 as i32)),
        _ => Err(vm.overflow_error("unsigned int is greater than maximum")),
    }
}

/// Performs an operation on a descriptor; arg is an int, or bytes that the system reads and changes, which are returned.
#[pyfunction(sig = "(fd, cmd, arg=0, /)")]
fn fcntl(fd: FileNo, cmd: i32, arg: Value, vm: &mut Vm) -> PyResult {
    audit!(vm, "fcntl.fcntl", fd.0, cmd, arg)?;
    if arg.is::<Str>() || (!arg.is::<Int>() && vm.is_bytes_like(&arg)) {
        let data = match arg.downcast::<Str>() {
            Some(s) => s.to_utf8(vm)?.into_bytes(),
            None => vm.bytes_of(&arg)?,
        };
        if data.len() > MAX {
            return Err(vm.value_error("fcntl argument 3 is too long"));
        }
        let mut buffer = [0u8; MAX + 8];
        if let Some(target) = buffer.get_mut(..data.len()) {
            target.copy_from_slice(&data);
        }
        match retry(vm, || sys!(libc::fcntl(fd.0, cmd, buffer.as_mut_ptr())))? {
            Ok(_) => return Ok(vm.new_bytes(buffer.get(..data.len()).unwrap_or_default())?.into_value()),
            Err(code) => return Err(oserror::os_error(vm, code)),
        }
    }
    let arg = number(vm, &arg)?;
    match retry(vm, || sys!(libc::fcntl(fd.0, cmd, arg)))? {
        Ok(n) => vm.new_int(n),
        Err(code) => Err(oserror::os_error(vm, code)),
    }
}

/// Performs a device's operation; arg is an int, or bytes that the device reads and changes. Writable buffers are changed in place if mutate_flag is true.
#[pyfunction(sig = "(fd, request, arg=0, mutate_flag=True, /)")]
fn ioctl(fd: FileNo, request: &Value, arg: Value, mutate_flag: bool, vm: &mut Vm) -> PyResult {
    audit!(vm, "fcntl.ioctl", fd.0, request, arg)?;
    let index = vm.index(request)?;
    let request = vm.int_as_i128(&index).unwrap_or(0) as libc::c_ulong;
    if arg.is::<Int>() || (!arg.is::<Str>() && !vm.is_bytes_like(&arg)) {
        let arg = number(vm, &arg)?;
        return match retry(vm, || sys!(libc::ioctl(fd.0, request as _, arg)))? {
            Ok(n) => vm.new_int(n),
            Err(code) => Err(oserror::os_error(vm, code)),
        };
    }
    let in_place = if arg.is::<Str>() { None } else { vm.buffer(&arg, flags::WRITABLE).ok() };
    let data = match (&in_place, arg.downcast::<Str>()) {
        (Some(b), _) => b.to_vec(vm),
        (None, Some(s)) => s.to_utf8(vm)?.into_bytes(),
        (None, None) => vm.bytes_of(&arg)?,
    };
    if data.len() > MAX && (in_place.is_none() || !mutate_flag) {
        return Err(vm.value_error("ioctl argument 3 is too long"));
    }
    let mut buffer = fds::buffer_of(vm, data.len().max(MAX) + 8)?;
    if let Some(target) = buffer.get_mut(..data.len()) {
        target.copy_from_slice(&data);
    }
    let result = retry(vm, || sys!(libc::ioctl(fd.0, request as _, buffer.as_mut_ptr())));
    let changed = buffer.get(..data.len()).unwrap_or_default();
    let mutated = mutate_flag && in_place.is_some();
    if let Some(target) = in_place {
        if mutate_flag {
            fds::fill(vm, &target, changed);
        }
        target.release(vm);
    }
    match result? {
        Ok(n) if mutated => vm.new_int(n),
        Ok(_) => Ok(vm.new_bytes(changed)?.into_value()),
        Err(code) => Err(oserror::os_error(vm, code)),
    }
}

/// Locks or unlocks a whole file.
#[pyfunction(sig = "(fd, operation, /)")]
fn flock(fd: FileNo, operation: i32, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "fcntl.flock", fd.0, operation)?;
    oserror::call(vm, || sys!(libc::flock(fd.0, operation))).map(drop)
}

/// Locks or unlocks a part of a file.
#[pyfunction(sig = "(fd, cmd, len=0, start=0, whence=0, /)")]
fn lockf(fd: FileNo, cmd: i32, len: i64, start: i64, whence: i32, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "fcntl.lockf", fd.0, cmd, len, start, whence)?;
    let kind = if cmd == libc::LOCK_UN {
        libc::F_UNLCK
    } else if cmd & libc::LOCK_SH != 0 {
        libc::F_RDLCK
    } else if cmd & libc::LOCK_EX != 0 {
        libc::F_WRLCK
    } else {
        return Err(vm.value_error("unrecognized lockf argument"));
    };
    // SAFETY: all fields are numbers.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    (lock.l_type, lock.l_whence, lock.l_start, lock.l_len) = (kind as i16, whence as i16, start, len);
    let command = if cmd & libc::LOCK_NB != 0 { libc::F_SETLK } else { libc::F_SETLKW };
    oserror::call(vm, || sys!(libc::fcntl(fd.0, command, &raw const lock))).map(drop)
}

krait_runtime::module! {
    "fcntl",
    doc: "Operations on descriptors: fcntl() and ioctl().",
    functions: [fcntl, ioctl, flock, lockf],
    types: [],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    for (name, value) in NUMBERS {
        let name = vm.intern(name);
        let value = vm.new_int(*value)?;
        dict.set_str(vm, &name, value)?;
    }
    Ok(())
}

static NUMBERS: &[(&str, i64)] = &[
    ("DN_ACCESS", 1),
    ("DN_ATTRIB", 32),
    ("DN_CREATE", 4),
    ("DN_DELETE", 8),
    ("DN_MODIFY", 2),
    ("DN_MULTISHOT", 2147483648),
    ("DN_RENAME", 16),
    ("FASYNC", 8192),
    ("FD_CLOEXEC", 1),
    ("FICLONE", 1074041865),
    ("FICLONERANGE", 1075876877),
    ("F_ADD_SEALS", 1033),
    ("F_DUPFD", 0),
    ("F_DUPFD_CLOEXEC", 1030),
    ("F_DUPFD_QUERY", 1027),
    ("F_EXLCK", 4),
    ("F_GETFD", 1),
    ("F_GETFL", 3),
    ("F_GETLEASE", 1025),
    ("F_GETLK", 5),
    ("F_GETLK64", 5),
    ("F_GETOWN", 9),
    ("F_GETOWN_EX", 16),
    ("F_GETPIPE_SZ", 1032),
    ("F_GETSIG", 11),
    ("F_GET_FILE_RW_HINT", 1037),
    ("F_GET_RW_HINT", 1035),
    ("F_GET_SEALS", 1034),
    ("F_NOTIFY", 1026),
    ("F_OFD_GETLK", 36),
    ("F_OFD_SETLK", 37),
    ("F_OFD_SETLKW", 38),
    ("F_OWNER_PGRP", 2),
    ("F_OWNER_PID", 1),
    ("F_OWNER_TID", 0),
    ("F_RDLCK", 0),
    ("F_SEAL_FUTURE_WRITE", 16),
    ("F_SEAL_GROW", 4),
    ("F_SEAL_SEAL", 1),
    ("F_SEAL_SHRINK", 2),
    ("F_SEAL_WRITE", 8),
    ("F_SETFD", 2),
    ("F_SETFL", 4),
    ("F_SETLEASE", 1024),
    ("F_SETLK", 6),
    ("F_SETLK64", 6),
    ("F_SETLKW", 7),
    ("F_SETLKW64", 7),
    ("F_SETOWN", 8),
    ("F_SETOWN_EX", 15),
    ("F_SETPIPE_SZ", 1031),
    ("F_SETSIG", 10),
    ("F_SET_FILE_RW_HINT", 1038),
    ("F_SET_RW_HINT", 1036),
    ("F_SHLCK", 8),
    ("F_UNLCK", 2),
    ("F_WRLCK", 1),
    ("LOCK_EX", 2),
    ("LOCK_MAND", 32),
    ("LOCK_NB", 4),
    ("LOCK_READ", 64),
    ("LOCK_RW", 192),
    ("LOCK_SH", 1),
    ("LOCK_UN", 8),
    ("LOCK_WRITE", 128),
    ("RWH_WRITE_LIFE_EXTREME", 5),
    ("RWH_WRITE_LIFE_LONG", 4),
    ("RWH_WRITE_LIFE_MEDIUM", 3),
    ("RWH_WRITE_LIFE_NONE", 1),
    ("RWH_WRITE_LIFE_NOT_SET", 0),
    ("RWH_WRITE_LIFE_SHORT", 2),
];
