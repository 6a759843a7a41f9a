//! Limits and settings of the system: `sysconf`, `pathconf`, `confstr`; extended attributes; scheduling; pseudo-terminals; namespaces.
#![allow(unsafe_code, reason = "system calls")]

use crate::audit::audit;
use crate::fspath::{self, Path, PathOrFd};
use crate::oserror::{self, check, errno, once, sys};
use krait_runtime::types::int::Int;
use krait_runtime::types::str_::Str;
use krait_runtime::types::structseq::{self, StructSeqDef};
use krait_runtime::types::value::ValueExt;
use krait_runtime::args::ArgSpec;
use krait_runtime::types::type_::PyType;
use krait_runtime::{Args, Py, PyResult, Value, Vm, pyfunction};
use std::ffi::CStr;

fn number(vm: &mut Vm, value: &Value, names: &[(&str, i32)]) -> PyResult<i32> {
    if let Some(s) = value.downcast::<Str>() {
        let text = s.to_string_lossy();
        return match names.iter().find(|(n, _)| *n == text) {
            Some((_, code)) => Ok(*code),
            None => Err(vm.value_error("unrecognized configuration name")),
        };
    }
    if value.ty().slots.nb_index.get().is_none() {
        return Err(vm.type_error("configuration names must be strings or integers"));
    }
    let index = vm.index(value)?;
    match vm.int_as_i128(&index).and_then(|i| i32::try_from(i).ok()) {
        Some(i) => Ok(i),
        None => Err(vm.overflow_error("Python int too large to convert to C int")),
    }
}

fn limit(vm: &mut Vm, f: impl FnOnce() -> libc::c_long) -> Result<i64, i32> {
    let _ = vm;
    sys!(*libc::__errno_location() = 0);
    let value = f();
    if value == -1 && errno() != 0 { Err(errno()) } else { Ok(value) }
}

/// A limit or setting of the system.
#[pyfunction(sig = "(name, /)")]
pub fn sysconf(name: &Value, vm: &mut Vm) -> PyResult<i64> {
    let name = number(vm, name, SYSCONF)?;
    limit(vm, || sys!(libc::sysconf(name))).map_err(|code| oserror::os_error(vm, code))
}

/// A limit or setting of a file.
#[pyfunction(sig = "(path, name)")]
pub fn pathconf(path: PathOrFd, name: &Value, vm: &mut Vm) -> PyResult<i64> {
    let name = number(vm, name, PATHCONF)?;
    let result = match path.fd {
        Some(fd) => limit(vm, || sys!(libc::fpathconf(fd, name))),
        None => limit(vm, || sys!(libc::pathconf(path.ptr(), name))),
    };
    match result {
        Ok(n) => Ok(n),
        Err(libc::EINVAL) => Err(oserror::os_error(vm, libc::EINVAL)),
        Err(code) => Err(path.error(vm, code)),
    }
}

/// A limit or setting of an open file.
#[pyfunction(sig = "(fd, name, /)")]
pub fn fpathconf(fd: crate::fspath::FileNo, name: &Value, vm: &mut Vm) -> PyResult<i64> {
    let name = number(vm, name, PATHCONF)?;
    limit(vm, || sys!(libc::fpathconf(fd.0, name))).map_err(|code| oserror::os_error(vm, code))
}

/// A text that describes the system; None if it is not defined.
#[pyfunction(sig = "(name, /)")]
pub fn confstr(name: &Value, vm: &mut Vm) -> PyResult {
    let name = number(vm, name, CONFSTR)?;
    sys!(*libc::__errno_location() = 0);
    let len = sys!(libc::confstr(name, std::ptr::null_mut(), 0));
    if len == 0 {
        return match errno() {
            0 => Ok(Value::none()),
            code => Err(oserror::os_error(vm, code)),
        };
    }
    let mut buffer = crate::posix::fds::buffer_of(vm, len)?;
    sys!(libc::confstr(name, buffer.as_mut_ptr().cast(), buffer.len()));
    buffer.pop();
    Ok(fspath::fsdecode(vm, &buffer)?.into_value())
}

// Extended attributes.

fn no_fd_option(vm: &mut Vm, function: &str, path_fd: bool, follow: bool) -> PyResult<()> {
    if path_fd && !follow {
        return Err(vm.value_error(format!("{function}: cannot use fd and follow_symlinks together")));
    }
    Ok(())
}

/// The value of an extended attribute.
#[pyfunction(sig = "(path, attribute, *, follow_symlinks=True)")]
pub fn getxattr(path: PathOrFd, attribute: Path, follow_symlinks: bool, vm: &mut Vm) -> PyResult {
    audit!(vm, "os.getxattr", path, attribute)?;
    no_fd_option(vm, "getxattr", path.fd.is_some(), follow_symlinks)?;
    for size in [128, 65536] {
        let mut buffer = crate::posix::fds::buffer_of(vm, size)?;
        let p: *mut libc::c_void = buffer.as_mut_ptr().cast();
        let result = match path.fd {
            Some(fd) => once(vm, || sys!(libc::fgetxattr(fd, attribute.ptr(), p, size))),
            None if follow_symlinks => once(vm, || sys!(libc::getxattr(path.ptr(), attribute.ptr(), p, size))),
            None => once(vm, || sys!(libc::lgetxattr(path.ptr(), attribute.ptr(), p, size))),
        };
        match result {
            Ok(n) => return Ok(vm.new_bytes(buffer.get(..n as usize).unwrap_or_default())?.into_value()),
            Err(libc::ERANGE) if size == 128 => {}
            Err(code) => return Err(path.error(vm, code)),
        }
    }
    Err(path.error(vm, libc::ERANGE))
}

/// Sets an extended attribute.
#[pyfunction(sig = "(path, attribute, value, flags=0, *, follow_symlinks=True)")]
pub fn setxattr(path: PathOrFd, attribute: Path, value: crate::fspath::Data, flags: i32, follow_symlinks: bool, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.setxattr", path, attribute, &value.0[..], flags)?;
    no_fd_option(vm, "setxattr", path.fd.is_some(), follow_symlinks)?;
    let (p, n): (*const libc::c_void, usize) = (value.0.as_ptr().cast(), value.0.len());
    let result = match path.fd {
        Some(fd) => once(vm, || sys!(libc::fsetxattr(fd, attribute.ptr(), p, n, flags))),
        None if follow_symlinks => once(vm, || sys!(libc::setxattr(path.ptr(), attribute.ptr(), p, n, flags))),
        None => once(vm, || sys!(libc::lsetxattr(path.ptr(), attribute.ptr(), p, n, flags))),
    };
    result.map(drop).map_err(|code| path.error(vm, code))
}

/// Removes an extended attribute.
#[pyfunction(sig = "(path, attribute, *, follow_symlinks=True)")]
pub fn removexattr(path: PathOrFd, attribute: Path, follow_symlinks: bool, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.removexattr", path, attribute)?;
    no_fd_option(vm, "removexattr", path.fd.is_some(), follow_symlinks)?;
    let result = match path.fd {
        Some(fd) => once(vm, || sys!(libc::fremovexattr(fd, attribute.ptr()))),
        None if follow_symlinks => once(vm, || sys!(libc::removexattr(path.ptr(), attribute.ptr()))),
        None => once(vm, || sys!(libc::lremovexattr(path.ptr(), attribute.ptr()))),
    };
    result.map(drop).map_err(|code| path.error(vm, code))
}

/// The names of a file's extended attributes.
#[pyfunction(sig = "(path=None, *, follow_symlinks=True)")]
pub fn listxattr(path: Option<Path<true, true>>, follow_symlinks: bool, vm: &mut Vm) -> PyResult {
    audit!(vm, "os.listxattr", path.as_ref().map_or_else(Value::none, |p| p.object.clone()))?;
    let path = match path {
        Some(p) => p,
        None => {
            let here = vm.new_str(".")?.into_value();
            Path::convert(vm, &here, "listxattr", "path")?
        }
    };
    no_fd_option(vm, "listxattr", path.fd.is_some(), follow_symlinks)?;
    for size in [256, 65536] {
        let mut buffer = crate::posix::fds::buffer_of(vm, size)?;
        let p: *mut libc::c_char = buffer.as_mut_ptr().cast();
        let result = match path.fd {
            Some(fd) => once(vm, || sys!(libc::flistxattr(fd, p, size))),
            None if follow_symlinks => once(vm, || sys!(libc::listxattr(path.ptr(), p, size))),
            None => once(vm, || sys!(libc::llistxattr(path.ptr(), p, size))),
        };
        match result {
            Ok(n) => {
                let mut names = Vec::new();
                for name in buffer.get(..n as usize).unwrap_or_default().split(|&b| b == 0).filter(|n| !n.is_empty()) {
                    names.push(fspath::fsdecode(vm, name)?.into_value());
                }
                return Ok(vm.new_list(names)?.into_value());
            }
            Err(libc::ERANGE) if size == 256 => {}
            Err(code) => return Err(path.error(vm, code)),
        }
    }
    Err(path.error(vm, libc::ERANGE))
}

// Scheduling.

/// `os.sched_param`.
pub static SCHED_PARAM: StructSeqDef = StructSeqDef {
    name: "posix.sched_param",
    doc: "Currently has only one field: sched_priority",
    fields: &[("sched_priority", "the scheduling priority")],
    in_sequence: 1,
};

/// `os.sched_param(sched_priority)`, which unlike other struct sequences takes the field itself.
pub fn new_sched_param(vm: &mut Vm, cls: &Py<PyType>, args: Args<'_>) -> PyResult {
    let _ = cls;
    let mut bound: [Option<&Value>; 1] = [None; 1];
    PARAM_SPEC.bind(vm, args, &mut bound)?;
    let [Some(priority)] = bound else { return Err(PARAM_SPEC.missing(vm, 0)) };
    structseq::new(vm, &SCHED_PARAM, vec![priority.clone()])
}

static PARAM_SPEC: ArgSpec = ArgSpec {
    name: "sched_param",
    params: &[krait_runtime::args::Param { name: "sched_priority", required: true }],
    required: 1,
    positional: 1,
    posonly: 0,
    raw: false,
};

/// The highest priority of a policy.
#[pyfunction(sig = "(policy)")]
pub fn sched_get_priority_max(policy: i32, vm: &mut Vm) -> PyResult<i32> {
    let n = sys!(libc::sched_get_priority_max(policy));
    check(vm, n)
}

/// The lowest priority of a policy.
#[pyfunction(sig = "(policy)")]
pub fn sched_get_priority_min(policy: i32, vm: &mut Vm) -> PyResult<i32> {
    let n = sys!(libc::sched_get_priority_min(policy));
    check(vm, n)
}

/// The policy of a process.
#[pyfunction(sig = "(pid, /)")]
pub fn sched_getscheduler(pid: i32, vm: &mut Vm) -> PyResult<i32> {
    let n = sys!(libc::sched_getscheduler(pid));
    check(vm, n)
}

/// The scheduling parameters of a process.
#[pyfunction(sig = "(pid, /)")]
pub fn sched_getparam(pid: i32, vm: &mut Vm) -> PyResult {
    let mut param = libc::sched_param { sched_priority: 0 };
    let result = sys!(libc::sched_getparam(pid, &raw mut param));
    check(vm, result)?;
    structseq::new(vm, &SCHED_PARAM, vec![Value::from_i32(param.sched_priority)])
}

/// What an `os.sched_param` says.
pub fn param(vm: &mut Vm, value: &Value) -> PyResult<libc::sched_param> {
    if !structseq::type_of(vm, &SCHED_PARAM)?.is(value.ty()) {
        return Err(vm.type_error("must have a sched_param object"));
    }
    let priority = vm.getattr_str(value, "sched_priority")?;
    if !priority.is::<Int>() {
        return Err(vm.type_error("an integer is required"));
    }
    match vm.int_as_i128(&priority).and_then(|i| i32::try_from(i).ok()) {
        Some(sched_priority) => Ok(libc::sched_param { sched_priority }),
        None => Err(vm.overflow_error("sched_priority out of range")),
    }
}

/// Sets the scheduling parameters of a process.
#[pyfunction(sig = "(pid, param, /)")]
pub fn sched_setparam(pid: i32, param: &Value, vm: &mut Vm) -> PyResult<()> {
    let p = self::param(vm, param)?;
    let result = sys!(libc::sched_setparam(pid, &raw const p));
    check(vm, result).map(drop)
}

/// Sets the policy and parameters of a process.
#[pyfunction(sig = "(pid, policy, param, /)")]
pub fn sched_setscheduler(pid: i32, policy: i32, param: &Value, vm: &mut Vm) -> PyResult<()> {
    let p = self::param(vm, param)?;
    let result = sys!(libc::sched_setscheduler(pid, policy, &raw const p));
    check(vm, result).map(drop)
}

/// The time slice of a process, in seconds.
#[pyfunction(sig = "(pid, /)")]
pub fn sched_rr_get_interval(pid: i32, vm: &mut Vm) -> PyResult<f64> {
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let result = sys!(libc::sched_rr_get_interval(pid, &raw mut ts));
    check(vm, result)?;
    Ok(ts.tv_sec as f64 + ts.tv_nsec as f64 * 1e-9)
}

// Pseudo-terminals and namespaces.

/// Opens a pseudo-terminal's master side.
#[pyfunction(sig = "(oflag, /)")]
pub fn posix_openpt(oflag: i32, vm: &mut Vm) -> PyResult<i32> {
    let fd = sys!(libc::posix_openpt(oflag));
    let fd = check(vm, fd)?;
    crate::posix::fds::set_inheritable(fd, 0, vm)?;
    Ok(fd)
}

/// Gives the user a pseudo-terminal's other side.
#[pyfunction(sig = "(fd, /)")]
pub fn grantpt(fd: i32, vm: &mut Vm) -> PyResult<()> {
    let result = sys!(libc::grantpt(fd));
    check(vm, result).map(drop)
}

/// Unlocks a pseudo-terminal's other side.
#[pyfunction(sig = "(fd, /)")]
pub fn unlockpt(fd: i32, vm: &mut Vm) -> PyResult<()> {
    let result = sys!(libc::unlockpt(fd));
    check(vm, result).map(drop)
}

/// The name of a pseudo-terminal's other side.
#[pyfunction(sig = "(fd, /)")]
pub fn ptsname(fd: i32, vm: &mut Vm) -> PyResult {
    let mut name = [0u8; 256];
    match sys!(libc::ptsname_r(fd, name.as_mut_ptr().cast(), name.len())) {
        0 => {
            let text = CStr::from_bytes_until_nul(&name).map(|c| c.to_bytes().to_vec()).unwrap_or_default();
            Ok(fspath::fsdecode(vm, &text)?.into_value())
        }
        code => Err(oserror::os_error(vm, if code == -1 { errno() } else { code })),
    }
}

/// Makes a terminal the controlling one of a new session, and its standard streams.
#[pyfunction(sig = "(fd, /)")]
pub fn login_tty(fd: i32, vm: &mut Vm) -> PyResult<()> {
    let result = sys!(libc::login_tty(fd));
    check(vm, result).map(drop)
}

/// Moves parts of the process into namespaces of their own.
#[pyfunction(sig = "(flags)")]
pub fn unshare(flags: i32, vm: &mut Vm) -> PyResult<()> {
    oserror::call_once(vm, || sys!(libc::unshare(flags))).map(drop)
}

/// Moves the thread into a namespace.
#[pyfunction(sig = "(fd, nstype=0)")]
pub fn setns(fd: crate::fspath::FileNo, nstype: i32, vm: &mut Vm) -> PyResult<()> {
    oserror::call_once(vm, || sys!(libc::setns(fd.0, nstype))).map(drop)
}

/// Sets the groups of the process to those of a user.
#[pyfunction(sig = "(username, gid, /)")]
pub fn initgroups(username: &Value, gid: crate::posix::files::Id, vm: &mut Vm) -> PyResult<()> {
    let name = fspath::fs_bytes(vm, username)?;
    let result = sys!(libc::initgroups(name.as_ptr(), gid.0));
    check(vm, result).map(drop)
}

/// Names that `sysconf` takes, with their numbers.
pub static SYSCONF: &[(&str, i32)] = &[
    ("SC_2_CHAR_TERM", 95),
    ("SC_2_C_BIND", 47),
    ("SC_2_C_DEV", 48),
    ("SC_2_C_VERSION", 96),
    ("SC_2_FORT_DEV", 49),
    ("SC_2_FORT_RUN", 50),
    ("SC_2_LOCALEDEF", 52),
    ("SC_2_SW_DEV", 51),
    ("SC_2_UPE", 97),
    ("SC_2_VERSION", 46),
    ("SC_AIO_LISTIO_MAX", 23),
    ("SC_AIO_MAX", 24),
    ("SC_AIO_PRIO_DELTA_MAX", 25),
    ("SC_ARG_MAX", 0),
    ("SC_ASYNCHRONOUS_IO", 12),
    ("SC_ATEXIT_MAX", 87),
    ("SC_AVPHYS_PAGES", 86),
    ("SC_BC_BASE_MAX", 36),
    ("SC_BC_DIM_MAX", 37),
    ("SC_BC_SCALE_MAX", 38),
    ("SC_BC_STRING_MAX", 39),
    ("SC_CHARCLASS_NAME_MAX", 45),
    ("SC_CHAR_BIT", 101),
    ("SC_CHAR_MAX", 102),
    ("SC_CHAR_MIN", 103),
    ("SC_CHILD_MAX", 1),
    ("SC_CLK_TCK", 2),
    ("SC_COLL_WEIGHTS_MAX", 40),
    ("SC_DELAYTIMER_MAX", 26),
    ("SC_EQUIV_CLASS_MAX", 41),
    ("SC_EXPR_NEST_MAX", 42),
    ("SC_FSYNC", 15),
    ("SC_GETGR_R_SIZE_MAX", 69),
    ("SC_GETPW_R_SIZE_MAX", 70),
    ("SC_INT_MAX", 104),
    ("SC_INT_MIN", 105),
    ("SC_IOV_MAX", 60),
    ("SC_JOB_CONTROL", 7),
    ("SC_LINE_MAX", 43),
    ("SC_LOGIN_NAME_MAX", 71),
    ("SC_LONG_BIT", 106),
    ("SC_MAPPED_FILES", 16),
    ("SC_MB_LEN_MAX", 108),
    ("SC_MEMLOCK", 17),
    ("SC_MEMLOCK_RANGE", 18),
    ("SC_MEMORY_PROTECTION", 19),
    ("SC_MESSAGE_PASSING", 20),
    ("SC_MINSIGSTKSZ", 249),
    ("SC_MQ_OPEN_MAX", 27),
    ("SC_MQ_PRIO_MAX", 28),
    ("SC_NGROUPS_MAX", 3),
    ("SC_NL_ARGMAX", 119),
    ("SC_NL_LANGMAX", 120),
    ("SC_NL_MSGMAX", 121),
    ("SC_NL_NMAX", 122),
    ("SC_NL_SETMAX", 123),
    ("SC_NL_TEXTMAX", 124),
    ("SC_NPROCESSORS_CONF", 83),
    ("SC_NPROCESSORS_ONLN", 84),
    ("SC_NZERO", 109),
    ("SC_OPEN_MAX", 4),
    ("SC_PAGESIZE", 30),
    ("SC_PAGE_SIZE", 30),
    ("SC_PASS_MAX", 88),
    ("SC_PHYS_PAGES", 85),
    ("SC_PII", 53),
    ("SC_PII_INTERNET", 56),
    ("SC_PII_INTERNET_DGRAM", 62),
    ("SC_PII_INTERNET_STREAM", 61),
    ("SC_PII_OSI", 57),
    ("SC_PII_OSI_CLTS", 64),
    ("SC_PII_OSI_COTS", 63),
    ("SC_PII_OSI_M", 65),
    ("SC_PII_SOCKET", 55),
    ("SC_PII_XTI", 54),
    ("SC_POLL", 58),
    ("SC_PRIORITIZED_IO", 13),
    ("SC_PRIORITY_SCHEDULING", 10),
    ("SC_REALTIME_SIGNALS", 9),
    ("SC_RE_DUP_MAX", 44),
    ("SC_RTSIG_MAX", 31),
    ("SC_SAVED_IDS", 8),
    ("SC_SCHAR_MAX", 111),
    ("SC_SCHAR_MIN", 112),
    ("SC_SELECT", 59),
    ("SC_SEMAPHORES", 21),
    ("SC_SEM_NSEMS_MAX", 32),
    ("SC_SEM_VALUE_MAX", 33),
    ("SC_SHARED_MEMORY_OBJECTS", 22),
    ("SC_SHRT_MAX", 113),
    ("SC_SHRT_MIN", 114),
    ("SC_SIGQUEUE_MAX", 34),
    ("SC_SSIZE_MAX", 110),
    ("SC_STREAM_MAX", 5),
    ("SC_SYNCHRONIZED_IO", 14),
    ("SC_THREADS", 67),
    ("SC_THREAD_ATTR_STACKADDR", 77),
    ("SC_THREAD_ATTR_STACKSIZE", 78),
    ("SC_THREAD_DESTRUCTOR_ITERATIONS", 73),
    ("SC_THREAD_KEYS_MAX", 74),
    ("SC_THREAD_PRIORITY_SCHEDULING", 79),
    ("SC_THREAD_PRIO_INHERIT", 80),
    ("SC_THREAD_PRIO_PROTECT", 81),
    ("SC_THREAD_PROCESS_SHARED", 82),
    ("SC_THREAD_SAFE_FUNCTIONS", 68),
    ("SC_THREAD_STACK_MIN", 75),
    ("SC_THREAD_THREADS_MAX", 76),
    ("SC_TIMERS", 11),
    ("SC_TIMER_MAX", 35),
    ("SC_TTY_NAME_MAX", 72),
    ("SC_TZNAME_MAX", 6),
    ("SC_T_IOV_MAX", 66),
    ("SC_UCHAR_MAX", 115),
    ("SC_UINT_MAX", 116),
    ("SC_UIO_MAXIOV", 60),
    ("SC_ULONG_MAX", 117),
    ("SC_USHRT_MAX", 118),
    ("SC_VERSION", 29),
    ("SC_WORD_BIT", 107),
    ("SC_XBS5_ILP32_OFF32", 125),
    ("SC_XBS5_ILP32_OFFBIG", 126),
    ("SC_XBS5_LP64_OFF64", 127),
    ("SC_XBS5_LPBIG_OFFBIG", 128),
    ("SC_XOPEN_CRYPT", 92),
    ("SC_XOPEN_ENH_I18N", 93),
    ("SC_XOPEN_LEGACY", 129),
    ("SC_XOPEN_REALTIME", 130),
    ("SC_XOPEN_REALTIME_THREADS", 131),
    ("SC_XOPEN_SHM", 94),
    ("SC_XOPEN_UNIX", 91),
    ("SC_XOPEN_VERSION", 89),
    ("SC_XOPEN_XCU_VERSION", 90),
    ("SC_XOPEN_XPG2", 98),
    ("SC_XOPEN_XPG3", 99),
    ("SC_XOPEN_XPG4", 100),
];

/// Names that `pathconf` takes, with their numbers.
pub static PATHCONF: &[(&str, i32)] = &[
    ("PC_ALLOC_SIZE_MIN", 18),
    ("PC_ASYNC_IO", 10),
    ("PC_CHOWN_RESTRICTED", 6),
    ("PC_FILESIZEBITS", 13),
    ("PC_LINK_MAX", 0),
    ("PC_MAX_CANON", 1),
    ("PC_MAX_INPUT", 2),
    ("PC_NAME_MAX", 3),
    ("PC_NO_TRUNC", 7),
    ("PC_PATH_MAX", 4),
    ("PC_PIPE_BUF", 5),
    ("PC_PRIO_IO", 11),
    ("PC_REC_INCR_XFER_SIZE", 14),
    ("PC_REC_MAX_XFER_SIZE", 15),
    ("PC_REC_MIN_XFER_SIZE", 16),
    ("PC_REC_XFER_ALIGN", 17),
    ("PC_SOCK_MAXBUF", 12),
    ("PC_SYMLINK_MAX", 19),
    ("PC_SYNC_IO", 9),
    ("PC_VDISABLE", 8),
];

/// Names that `confstr` takes, with their numbers.
pub static CONFSTR: &[(&str, i32)] = &[
    ("CS_GNU_LIBC_VERSION", 2),
    ("CS_GNU_LIBPTHREAD_VERSION", 3),
    ("CS_LFS64_CFLAGS", 1004),
    ("CS_LFS64_LDFLAGS", 1005),
    ("CS_LFS64_LIBS", 1006),
    ("CS_LFS64_LINTFLAGS", 1007),
    ("CS_LFS_CFLAGS", 1000),
    ("CS_LFS_LDFLAGS", 1001),
    ("CS_LFS_LIBS", 1002),
    ("CS_LFS_LINTFLAGS", 1003),
    ("CS_PATH", 0),
    ("CS_XBS5_ILP32_OFF32_CFLAGS", 1100),
    ("CS_XBS5_ILP32_OFF32_LDFLAGS", 1101),
    ("CS_XBS5_ILP32_OFF32_LIBS", 1102),
    ("CS_XBS5_ILP32_OFF32_LINTFLAGS", 1103),
    ("CS_XBS5_ILP32_OFFBIG_CFLAGS", 1104),
    ("CS_XBS5_ILP32_OFFBIG_LDFLAGS", 1105),
    ("CS_XBS5_ILP32_OFFBIG_LIBS", 1106),
    ("CS_XBS5_ILP32_OFFBIG_LINTFLAGS", 1107),
    ("CS_XBS5_LP64_OFF64_CFLAGS", 1108),
    ("CS_XBS5_LP64_OFF64_LDFLAGS", 1109),
    ("CS_XBS5_LP64_OFF64_LIBS", 1110),
    ("CS_XBS5_LP64_OFF64_LINTFLAGS", 1111),
    ("CS_XBS5_LPBIG_OFFBIG_CFLAGS", 1112),
    ("CS_XBS5_LPBIG_OFFBIG_LDFLAGS", 1113),
    ("CS_XBS5_LPBIG_OFFBIG_LIBS", 1114),
    ("CS_XBS5_LPBIG_OFFBIG_LINTFLAGS", 1115),
];
