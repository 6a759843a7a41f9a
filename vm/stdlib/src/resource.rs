//! The `resource` module: limits and use of resources.
#![allow(unsafe_code, reason = "system calls")]

use crate::audit::audit;
use crate::oserror::{self, check, sys};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::structseq::{self, StructSeqDef};
use krait_runtime::{Py, PyResult, Value, Vm, pyfunction};

/// `resource.struct_rusage`.
static RUSAGE: StructSeqDef = StructSeqDef {
    name: "resource.struct_rusage",
    doc: "Result from getrusage: a tuple of sixteen numbers, also as attributes.",
    fields: &[
        ("ru_utime", "user time used"),
        ("ru_stime", "system time used"),
        ("ru_maxrss", "max. resident set size"),
        ("ru_ixrss", "shared memory size"),
        ("ru_idrss", "unshared data size"),
        ("ru_isrss", "unshared stack size"),
        ("ru_minflt", "page faults not requiring I/O"),
        ("ru_majflt", "page faults requiring I/O"),
        ("ru_nswap", "number of swap outs"),
        ("ru_inblock", "block input operations"),
        ("ru_oublock", "block output operations"),
        ("ru_msgsnd", "IPC messages sent"),
        ("ru_msgrcv", "IPC messages received"),
        ("ru_nsignals", "signals received"),
        ("ru_nvcsw", "voluntary context switches"),
        ("ru_nivcsw", "involuntary context switches"),
    ],
    in_sequence: 16,
};

/// The result object.
pub fn rusage(vm: &mut Vm, r: &libc::rusage) -> PyResult {
    let mut values = Vec::with_capacity(16);
    for t in [r.ru_utime, r.ru_stime] {
        values.push(vm.new_float(t.tv_sec as f64 + t.tv_usec as f64 * 1e-6)?);
    }
    let numbers = [
        r.ru_maxrss, r.ru_ixrss, r.ru_idrss, r.ru_isrss, r.ru_minflt, r.ru_majflt, r.ru_nswap, r.ru_inblock, r.ru_oublock, r.ru_msgsnd,
        r.ru_msgrcv, r.ru_nsignals, r.ru_nvcsw, r.ru_nivcsw,
    ];
    for n in numbers {
        values.push(vm.new_int(n)?);
    }
    structseq::new(vm, &RUSAGE, values)
}

/// What the process, its children or the thread have used.
#[pyfunction(sig = "(who, /)")]
fn getrusage(who: i32, vm: &mut Vm) -> PyResult {
    // SAFETY: all fields are numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    if sys!(libc::getrusage(who, &raw mut usage)) == -1 {
        return match oserror::errno() {
            libc::EINVAL => Err(vm.value_error("invalid who parameter")),
            code => Err(oserror::os_error(vm, code)),
        };
    }
    rusage(vm, &usage)
}

fn limit(vm: &mut Vm, value: &Value) -> PyResult<u64> {
    let index = vm.index(value)?;
    match vm.int_as_i128(&index) {
        Some(-1) => Ok(libc::RLIM_INFINITY),
        Some(n) => match u64::try_from(n) {
            Ok(n) => Ok(n),
            Err(_) if n < 0 => Err(vm.value_error("Cannot convert negative int")),
            Err(_) => Err(vm.overflow_error("Python int too large to convert to C rlim_t")),
        },
        None => Err(vm.overflow_error("Python int too large to convert to C rlim_t")),
    }
}

fn limits(vm: &mut Vm, value: &Value) -> PyResult<libc::rlimit> {
    let items = vm.collect(value)?;
    let [soft, hard] = items.as_slice() else { return Err(vm.value_error("expected a tuple of 2 integers")) };
    Ok(libc::rlimit { rlim_cur: limit(vm, soft)?, rlim_max: limit(vm, hard)? })
}

fn pair(vm: &mut Vm, l: &libc::rlimit) -> PyResult {
    let mut values = Vec::new();
    for n in [l.rlim_cur, l.rlim_max] {
        values.push(if n == libc::RLIM_INFINITY { Value::from_i32(-1) } else { vm.new_int(n)? });
    }
    Ok(vm.new_tuple(values)?.into_value())
}

fn checked(vm: &mut Vm, resource: i32) -> PyResult<()> {
    if !(0..16).contains(&resource) {
        return Err(vm.value_error("invalid resource specified"));
    }
    Ok(())
}

/// The soft and hard limit of a resource.
#[pyfunction(sig = "(resource, /)")]
fn getrlimit(resource: i32, vm: &mut Vm) -> PyResult {
    checked(vm, resource)?;
    let mut l = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    let result = sys!(libc::getrlimit(resource as _, &raw mut l));
    check(vm, result)?;
    pair(vm, &l)
}

/// Sets the soft and hard limit of a resource.
#[pyfunction(sig = "(resource, limits, /)")]
fn setrlimit(resource: i32, limits: &Value, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "resource.setrlimit", resource, limits)?;
    checked(vm, resource)?;
    let l = self::limits(vm, limits)?;
    if sys!(libc::setrlimit(resource as _, &raw const l)) == -1 {
        return match oserror::errno() {
            libc::EINVAL => Err(vm.value_error("current limit exceeds maximum limit")),
            libc::EPERM => Err(vm.value_error("not allowed to raise maximum limit")),
            code => Err(oserror::os_error(vm, code)),
        };
    }
    Ok(())
}

/// The limits of a process's resource; with limits, they are set and the old ones returned.
#[pyfunction(sig = "(pid, resource, limits=None, /)")]
fn prlimit(pid: i32, resource: i32, limits: Value, vm: &mut Vm) -> PyResult {
    audit!(vm, "resource.prlimit", pid, resource, limits)?;
    checked(vm, resource)?;
    let mut old = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    let result = if limits.is_none() {
        sys!(libc::prlimit(pid, resource as _, std::ptr::null(), &raw mut old))
    } else {
        let new = self::limits(vm, &limits)?;
        sys!(libc::prlimit(pid, resource as _, &raw const new, &raw mut old))
    };
    check(vm, result)?;
    pair(vm, &old)
}

/// Bytes a page of memory.
#[pyfunction]
fn getpagesize() -> i64 {
    sys!(libc::sysconf(libc::_SC_PAGESIZE))
}

krait_runtime::module! {
    "resource",
    doc: "Limits and use of resources.",
    functions: [getrusage, getrlimit, setrlimit, prlimit, getpagesize],
    types: [],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let numbers: [(&str, i64); 20] = [
        ("RLIMIT_CPU", libc::RLIMIT_CPU as i64),
        ("RLIMIT_FSIZE", libc::RLIMIT_FSIZE as i64),
        ("RLIMIT_DATA", libc::RLIMIT_DATA as i64),
        ("RLIMIT_STACK", libc::RLIMIT_STACK as i64),
        ("RLIMIT_CORE", libc::RLIMIT_CORE as i64),
        ("RLIMIT_NOFILE", libc::RLIMIT_NOFILE as i64),
        ("RLIMIT_OFILE", libc::RLIMIT_NOFILE as i64),
        ("RLIMIT_AS", libc::RLIMIT_AS as i64),
        ("RLIMIT_RSS", libc::RLIMIT_RSS as i64),
        ("RLIMIT_NPROC", libc::RLIMIT_NPROC as i64),
        ("RLIMIT_MEMLOCK", libc::RLIMIT_MEMLOCK as i64),
        ("RLIMIT_MSGQUEUE", libc::RLIMIT_MSGQUEUE as i64),
        ("RLIMIT_NICE", libc::RLIMIT_NICE as i64),
        ("RLIMIT_RTPRIO", libc::RLIMIT_RTPRIO as i64),
        ("RLIMIT_RTTIME", 15),
        ("RLIMIT_SIGPENDING", libc::RLIMIT_SIGPENDING as i64),
        ("RUSAGE_SELF", 0),
        ("RUSAGE_CHILDREN", -1),
        ("RUSAGE_THREAD", 1),
        ("RLIM_INFINITY", -1),
    ];
    for (name, value) in numbers {
        let name = vm.intern(name);
        let value = vm.new_int(value)?;
        dict.set_str(vm, &name, value)?;
    }
    let ty = structseq::type_of(vm, &RUSAGE)?.to_value();
    let name = vm.intern("struct_rusage");
    dict.set_str(vm, &name, ty)?;
    let error = oserror::builtin(vm, "OSError")?;
    let name = vm.intern("error");
    dict.set_str(vm, &name, error)
}
