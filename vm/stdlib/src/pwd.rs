//! The `pwd` module: the accounts of the system.
#![allow(unsafe_code, reason = "system calls")]

use crate::fspath;
use crate::oserror;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::structseq::{self, StructSeqDef};
use krait_runtime::{Py, PyResult, Value, Vm, pyfunction};
use std::ffi::{CStr, CString};

/// `pwd.struct_passwd`.
static PASSWD: StructSeqDef = StructSeqDef {
    name: "pwd.struct_passwd",
    doc: "Results from getpw*(): a tuple of (name, passwd, uid, gid, gecos, dir, shell), also as attributes.",
    fields: &[
        ("pw_name", "user name"),
        ("pw_passwd", "password"),
        ("pw_uid", "user id"),
        ("pw_gid", "group id"),
        ("pw_gecos", "real name"),
        ("pw_dir", "home directory"),
        ("pw_shell", "shell program"),
    ],
    in_sequence: 7,
};

/// The text of a C string of the system's; None for null.
pub fn text(vm: &mut Vm, p: *const libc::c_char) -> PyResult {
    if p.is_null() {
        return Ok(Value::none());
    }
    // SAFETY: a null-terminated string of the system's, copied at once.
    let bytes = unsafe { CStr::from_ptr(p) }.to_bytes().to_vec();
    Ok(fspath::fsdecode(vm, &bytes)?.into_value())
}

fn entry(vm: &mut Vm, p: &libc::passwd) -> PyResult {
    let values = vec![
        text(vm, p.pw_name)?,
        text(vm, p.pw_passwd)?,
        vm.new_int(p.pw_uid)?,
        vm.new_int(p.pw_gid)?,
        text(vm, p.pw_gecos)?,
        text(vm, p.pw_dir)?,
        text(vm, p.pw_shell)?,
    ];
    structseq::new(vm, &PASSWD, values)
}

fn key_error(vm: &mut Vm, message: &str) -> krait_runtime::Raised {
    match vm.new_str(message) {
        Ok(text) => oserror::raise_named(vm, "KeyError", &[text.into_value()]),
        Err(e) => e,
    }
}

/// The account of a user id.
#[pyfunction(sig = "(uidobj, /)")]
fn getpwuid(uidobj: &Value, vm: &mut Vm) -> PyResult {
    let uid = match crate::posix::files::id(vm, uidobj, "uid") {
        Ok(uid) => uid,
        Err(e) if crate::io::is_named(vm, &e, "OverflowError") => {
            let shown = vm.str(uidobj)?.to_string_lossy().into_owned();
            return Err(key_error(vm, &format!("getpwuid(): uid not found: {shown}")));
        }
        Err(e) => return Err(e),
    };
    // SAFETY: null or the system's entry, read before the next call; the GIL is held.
    match unsafe { libc::getpwuid(uid).as_ref() } {
        Some(p) => entry(vm, p),
        None => Err(key_error(vm, &format!("getpwuid(): uid not found: {uid}"))),
    }
}

/// The account of a user name.
#[pyfunction(sig = "(name, /)")]
fn getpwnam(name: &Py<krait_runtime::types::str_::Str>, vm: &mut Vm) -> PyResult {
    let bytes = fspath::fsencode(vm, name)?;
    let Ok(c) = CString::new(bytes) else { return Err(vm.value_error("embedded null byte")) };
    // SAFETY: as above.
    match unsafe { libc::getpwnam(c.as_ptr()).as_ref() } {
        Some(p) => entry(vm, p),
        None => {
            let shown = vm.repr(name.as_value())?.to_string_lossy().into_owned();
            Err(key_error(vm, &format!("getpwnam(): name not found: {shown}")))
        }
    }
}

/// All accounts.
#[pyfunction]
fn getpwall(vm: &mut Vm) -> PyResult {
    let mut all = Vec::new();
    // SAFETY: the GIL is held, so nobody else walks through the accounts.
    unsafe { libc::setpwent() };
    // SAFETY: as above; null ends the list.
    while let Some(p) = unsafe { libc::getpwent().as_ref() } {
        all.push(entry(vm, p)?);
    }
    // SAFETY: as above.
    unsafe { libc::endpwent() };
    Ok(vm.new_list(all)?.into_value())
}

krait_runtime::module! {
    "pwd",
    doc: "The accounts of the system.",
    functions: [getpwuid, getpwnam, getpwall],
    types: [],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let ty = structseq::type_of(vm, &PASSWD)?.to_value();
    let name = vm.intern("struct_passwd");
    dict.set_str(vm, &name, ty)
}
