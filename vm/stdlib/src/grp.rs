//! The `grp` module: the groups of the system.
#![allow(unsafe_code, reason = "system calls")]

use crate::fspath;
use crate::oserror;
use crate::pwd::text;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::structseq::{self, StructSeqDef};
use krait_runtime::{Py, PyResult, Value, Vm, pyfunction};
use std::ffi::CString;

/// `grp.struct_group`.
static GROUP: StructSeqDef = StructSeqDef {
    name: "grp.struct_group",
    doc: "Results from getgr*(): a tuple of (name, passwd, gid, members), also as attributes.",
    fields: &[("gr_name", "group name"), ("gr_passwd", "password"), ("gr_gid", "group id"), ("gr_mem", "group members")],
    in_sequence: 4,
};

fn entry(vm: &mut Vm, g: &libc::group) -> PyResult {
    let mut members = Vec::new();
    let mut at = g.gr_mem;
    // SAFETY: a null-terminated array of null-terminated strings.
    while let Some(p) = unsafe { at.as_ref() }.filter(|p| !p.is_null()) {
        members.push(text(vm, *p)?);
        // SAFETY: the array goes on to its null.
        at = unsafe { at.add(1) };
    }
    let values = vec![text(vm, g.gr_name)?, text(vm, g.gr_passwd)?, vm.new_int(g.gr_gid)?, vm.new_list(members)?.into_value()];
    structseq::new(vm, &GROUP, values)
}

fn key_error(vm: &mut Vm, message: &str) -> krait_runtime::Raised {
    match vm.new_str(message) {
        Ok(text) => oserror::raise_named(vm, "KeyError", &[text.into_value()]),
        Err(e) => e,
    }
}

/// The group of a group id.
#[pyfunction(sig = "(id)")]
fn getgrgid(id: &Value, vm: &mut Vm) -> PyResult {
    let gid = match crate::posix::files::id(vm, id, "gid") {
        Ok(gid) => gid,
        Err(e) if crate::io::is_named(vm, &e, "OverflowError") => {
            let shown = vm.str(id)?.to_string_lossy().into_owned();
            return Err(key_error(vm, &format!("getgrgid(): gid not found: {shown}")));
        }
        Err(e) => return Err(e),
    };
    // SAFETY: null or the system's entry, read before the next call; the GIL is held.
    match unsafe { libc::getgrgid(gid).as_ref() } {
        Some(g) => entry(vm, g),
        None => Err(key_error(vm, &format!("getgrgid(): gid not found: {gid}"))),
    }
}

/// The group of a name.
#[pyfunction(sig = "(name)")]
fn getgrnam(name: &Py<krait_runtime::types::str_::Str>, vm: &mut Vm) -> PyResult {
    let bytes = fspath::fsencode(vm, name)?;
    let Ok(c) = CString::new(bytes) else { return Err(vm.value_error("embedded null byte")) };
    // SAFETY: as above.
    match unsafe { libc::getgrnam(c.as_ptr()).as_ref() } {
        Some(g) => entry(vm, g),
        None => {
            let shown = vm.repr(name.as_value())?.to_string_lossy().into_owned();
            Err(key_error(vm, &format!("getgrnam(): name not found: {shown}")))
        }
    }
}

/// All groups.
#[pyfunction]
fn getgrall(vm: &mut Vm) -> PyResult {
    let mut all = Vec::new();
    // SAFETY: the GIL is held, so nobody else walks through the groups.
    unsafe { libc::setgrent() };
    // SAFETY: as above; null ends the list.
    while let Some(g) = unsafe { libc::getgrent().as_ref() } {
        all.push(entry(vm, g)?);
    }
    // SAFETY: as above.
    unsafe { libc::endgrent() };
    Ok(vm.new_list(all)?.into_value())
}

krait_runtime::module! {
    "grp",
    doc: "The groups of the system.",
    functions: [getgrgid, getgrnam, getgrall],
    types: [],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let ty = structseq::type_of(vm, &GROUP)?.to_value();
    let name = vm.intern("struct_group");
    dict.set_str(vm, &name, ty)
}
