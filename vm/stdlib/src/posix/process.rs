//! Processes: ids, starting, waiting, killing, limits of scheduling, environment, system names.
#![allow(unsafe_code, reason = "system calls")]

use crate::audit::audit;
use crate::fspath::{self, Path, PathOrFd};
use crate::oserror::{self, check, errno, sys};
use crate::posix::{TIMES_RESULT, UNAME_RESULT, WAITID_RESULT};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::structseq;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{GilCell, Py, PyResult, Value, Vm, pyfunction};
use std::ffi::{CStr, CString};

macro_rules! plain_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[pyfunction]
        pub fn $name(vm: &mut Vm) -> PyResult {
            let id = sys!(libc::$name());
            vm.new_int(id)
        }
    )*};
}
plain_ids! {
    /// The process's id.
    getpid;
    /// The parent process's id.
    getppid;
    /// The real user id.
    getuid;
    /// The effective user id.
    geteuid;
    /// The real group id.
    getgid;
    /// The effective group id.
    getegid;
    /// The process group's id.
    getpgrp;
}

/// The process group of a process.
#[pyfunction(sig = "(pid)")]
pub fn getpgid(pid: i32, vm: &mut Vm) -> PyResult<i32> {
    let id = sys!(libc::getpgid(pid));
    check(vm, id)
}

/// The session of a process.
#[pyfunction(sig = "(pid, /)")]
pub fn getsid(pid: i32, vm: &mut Vm) -> PyResult<i32> {
    let id = sys!(libc::getsid(pid));
    check(vm, id)
}

/// Begins a new session.
#[pyfunction]
pub fn setsid(vm: &mut Vm) -> PyResult<()> {
    let id = sys!(libc::setsid());
    check(vm, id).map(drop)
}

/// Makes the process the leader of its process group.
#[pyfunction]
pub fn setpgrp(vm: &mut Vm) -> PyResult<()> {
    let result = sys!(libc::setpgid(0, 0));
    check(vm, result).map(drop)
}

/// Puts a process into a process group.
#[pyfunction(sig = "(pid, pgrp, /)")]
pub fn setpgid(pid: i32, pgrp: i32, vm: &mut Vm) -> PyResult<()> {
    let result = sys!(libc::setpgid(pid, pgrp));
    check(vm, result).map(drop)
}

macro_rules! set_ids {
    ($($(#[$doc:meta])* $name:ident($($arg:ident),*) $sig:literal;)*) => {$(
        $(#[$doc])*
        #[pyfunction(sig = $sig)]
        pub fn $name($($arg: crate::posix::files::Id,)* vm: &mut Vm) -> PyResult<()> {
            let result = sys!(libc::$name($($arg.0),*));
            check(vm, result).map(drop)
        }
    )*};
}
set_ids! {
    /// Sets the user id.
    setuid(uid) "(uid, /)";
    /// Sets the group id.
    setgid(gid) "(gid, /)";
    /// Sets the effective user id.
    seteuid(euid) "(euid, /)";
    /// Sets the effective group id.
    setegid(egid) "(egid, /)";
    /// Sets real and effective user id.
    setreuid(ruid, euid) "(ruid, euid, /)";
    /// Sets real and effective group id.
    setregid(rgid, egid) "(rgid, egid, /)";
    /// Sets real, effective and saved user id.
    setresuid(ruid, euid, suid) "(ruid, euid, suid, /)";
    /// Sets real, effective and saved group id.
    setresgid(rgid, egid, sgid) "(rgid, egid, sgid, /)";
}

fn three(vm: &mut Vm, ids: [u32; 3]) -> PyResult {
    let mut values = Vec::new();
    for id in ids {
        values.push(vm.new_int(id)?);
    }
    Ok(vm.new_tuple(values)?.into_value())
}

/// Real, effective and saved user id.
#[pyfunction]
pub fn getresuid(vm: &mut Vm) -> PyResult {
    let mut ids = [0u32; 3];
    let [a, b, c] = &mut ids;
    let result = sys!(libc::getresuid(a, b, c));
    check(vm, result)?;
    three(vm, ids)
}

/// Real, effective and saved group id.
#[pyfunction]
pub fn getresgid(vm: &mut Vm) -> PyResult {
    let mut ids = [0u32; 3];
    let [a, b, c] = &mut ids;
    let result = sys!(libc::getresgid(a, b, c));
    check(vm, result)?;
    three(vm, ids)
}

/// The groups of the process.
#[pyfunction]
pub fn getgroups(vm: &mut Vm) -> PyResult {
    let count = sys!(libc::getgroups(0, std::ptr::null_mut()));
    let mut groups = vec![0u32; check(vm, count)? as usize];
    let count = sys!(libc::getgroups(count, groups.as_mut_ptr()));
    groups.truncate(check(vm, count)? as usize);
    let mut items = Vec::new();
    for g in groups {
        items.push(vm.new_int(g)?);
    }
    Ok(vm.new_list(items)?.into_value())
}

/// Sets the groups of the process.
#[pyfunction(sig = "(groups, /)")]
pub fn setgroups(groups: &Value, vm: &mut Vm) -> PyResult<()> {
    if !crate::posix::fds::is_sequence(groups) {
        return Err(vm.type_error("setgroups argument must be a sequence"));
    }
    let mut ids = Vec::new();
    for item in vm.collect(groups)? {
        if !item.is::<krait_runtime::types::int::Int>() {
            return Err(vm.type_error("groups must be integers"));
        }
        ids.push(crate::posix::files::id(vm, &item, "gid")?);
    }
    let result = sys!(libc::setgroups(ids.len(), ids.as_ptr()));
    check(vm, result).map(drop)
}

/// The groups to which a user belongs, together with group.
#[pyfunction(sig = "(user, group, /)")]
pub fn getgrouplist(user: String, group: u32, vm: &mut Vm) -> PyResult {
    let Ok(user) = CString::new(user) else { return Err(vm.value_error("embedded null character")) };
    let mut groups = vec![0u32; 65536];
    let mut count = groups.len() as i32;
    if sys!(libc::getgrouplist(user.as_ptr(), group, groups.as_mut_ptr(), &raw mut count)) == -1 {
        let code = errno();
        return Err(oserror::os_error(vm, code));
    }
    let mut items = Vec::new();
    for g in groups.iter().take(count.max(0) as usize) {
        items.push(vm.new_int(*g)?);
    }
    Ok(vm.new_list(items)?.into_value())
}

unsafe extern "C" {
    fn getlogin_r(name: *mut libc::c_char, size: libc::size_t) -> libc::c_int;
}

/// The name of the user logged in on the terminal.
#[pyfunction]
pub fn getlogin(vm: &mut Vm) -> PyResult {
    let mut buffer = vec![0u8; 256];
    match sys!(getlogin_r(buffer.as_mut_ptr().cast(), buffer.len())) {
        0 => {
            let end = buffer.iter().position(|&b| b == 0).unwrap_or(0);
            Ok(fspath::fsdecode(vm, buffer.get(..end).unwrap_or_default())?.into_value())
        }
        code => Err(oserror::os_error(vm, code)),
    }
}

/// Sends a signal to a process.
#[pyfunction(sig = "(pid, signal, /)")]
pub fn kill(pid: i32, signal: i32, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.kill", pid, signal)?;
    let result = sys!(libc::kill(pid, signal));
    check(vm, result)?;
    crate::signal::check_signals(vm)
}

/// Sends a signal to a process group.
#[pyfunction(sig = "(pgid, signal, /)")]
pub fn killpg(pgid: i32, signal: i32, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.killpg", pgid, signal)?;
    let result = sys!(libc::killpg(pgid, signal));
    check(vm, result)?;
    crate::signal::check_signals(vm)
}

/// Adds to the niceness of the process and returns it.
#[pyfunction(sig = "(increment, /)")]
pub fn nice(increment: i32, vm: &mut Vm) -> PyResult<i32> {
    sys!(*libc::__errno_location() = 0);
    let value = sys!(libc::nice(increment));
    if value == -1 && errno() != 0 {
        let code = errno();
        return Err(oserror::os_error(vm, code));
    }
    Ok(value)
}

/// The priority of a process, group or user.
#[pyfunction(sig = "(which, who)")]
pub fn getpriority(which: i32, who: i32, vm: &mut Vm) -> PyResult<i32> {
    sys!(*libc::__errno_location() = 0);
    let value = sys!(libc::getpriority(which as _, who as libc::id_t));
    if errno() != 0 {
        let code = errno();
        return Err(oserror::os_error(vm, code));
    }
    Ok(value)
}

/// Sets the priority of a process, group or user.
#[pyfunction(sig = "(which, who, priority)")]
pub fn setpriority(which: i32, who: i32, priority: i32, vm: &mut Vm) -> PyResult<()> {
    let result = sys!(libc::setpriority(which as _, who as libc::id_t, priority));
    check(vm, result).map(drop)
}

/// Ends the process at once, without any clean-up.
#[pyfunction(sig = "(status)")]
pub fn _exit(status: i32) {
    sys!(libc::_exit(status));
}

/// Ends the process at once with SIGABRT.
#[pyfunction]
pub fn abort() {
    sys!(libc::abort());
}

/// What the functions given to register_at_fork() are kept in.
#[derive(Default)]
pub struct AtFork {
    before: GilCell<Vec<Value>>,
    child: GilCell<Vec<Value>>,
    parent: GilCell<Vec<Value>>,
}

/// Registers functions to be called around fork().
#[pyfunction(sig = "(*, before=?, after_in_child=?, after_in_parent=?)")]
pub fn register_at_fork(before: Option<Value>, after_in_child: Option<Value>, after_in_parent: Option<Value>, vm: &mut Vm) -> PyResult<()> {
    if before.is_none() && after_in_child.is_none() && after_in_parent.is_none() {
        return Err(vm.type_error("At least one argument is required."));
    }
    let state = vm.state::<AtFork>();
    for (hook, name, list) in [(before, "before", &state.before), (after_in_child, "after_in_child", &state.child), (after_in_parent, "after_in_parent", &state.parent)] {
        let Some(hook) = hook else { continue };
        if hook.ty().slots.call.get().is_none() {
            let got = hook.type_name();
            return Err(vm.type_error(format!("'{name}' must be callable, not {got}")));
        }
        list.get_mut(vm).push(hook);
    }
    Ok(())
}

fn run_hooks(vm: &mut Vm, hooks: Vec<Value>) {
    for hook in hooks {
        if let Err(e) = vm.call(&hook, &[]) {
            vm.unraisable(e, &hook);
        }
    }
}

/// What runs before a fork, last registered first.
pub fn before_fork(vm: &mut Vm) {
    let mut hooks = vm.state::<AtFork>().before.load(vm);
    hooks.reverse();
    run_hooks(vm, hooks);
}

/// What runs in the parent after a fork.
pub fn after_fork_parent(vm: &mut Vm) {
    let hooks = vm.state::<AtFork>().parent.load(vm);
    run_hooks(vm, hooks);
}

/// What runs in the child after a fork: other threads are gone.
pub fn after_fork_child(vm: &mut Vm) {
    crate::signal::after_fork(vm);
    crate::thread::after_fork(vm);
    let hooks = vm.state::<AtFork>().child.load(vm);
    run_hooks(vm, hooks);
}

fn warn_threads(vm: &mut Vm, name: &str) -> PyResult<()> {
    if crate::thread::running(vm) == 0 {
        return Ok(());
    }
    let pid = sys!(libc::getpid());
    let text = format!("This process (pid={pid}) is multi-threaded, use of {name}() may lead to deadlocks in the child.");
    fspath::warn(vm, "DeprecationWarning", &text, 1, None)
}

/// PythonFinalizationError while the interpreter goes down.
pub fn check_finalizing(vm: &mut Vm) -> PyResult<()> {
    check_running(vm, "can't fork at interpreter shutdown")
}

/// RuntimeError if the interpreter was started without this.
fn check_allowed(vm: &mut Vm, what: &str, allowed: bool) -> PyResult<()> {
    if allowed { Ok(()) } else { Err(vm.runtime_error(format!("{what} not supported for isolated subinterpreters"))) }
}

/// PythonFinalizationError with this text while the interpreter shuts down.
pub fn check_running(vm: &mut Vm, text: &str) -> PyResult<()> {
    if !vm.interp.finalizing.get() {
        return Ok(());
    }
    let text = vm.new_str(text)?.into_value();
    Err(oserror::raise_named(vm, "PythonFinalizationError", &[text]))
}

/// Forks: 0 in the child, the child's id in the parent.
#[pyfunction]
pub fn fork(vm: &mut Vm) -> PyResult<i32> {
    check_allowed(vm, "fork", vm.interp.features.get().fork)?;
    audit!(vm, "os.fork")?;
    check_finalizing(vm)?;
    before_fork(vm);
    let pid = vm.fork_with(|| {
        let pid = sys!(libc::fork());
        (pid, pid == 0)
    });
    if pid == 0 {
        after_fork_child(vm);
        return Ok(0);
    }
    let code = errno();
    warn_threads(vm, "fork")?;
    after_fork_parent(vm);
    if pid == -1 { Err(oserror::os_error(vm, code)) } else { Ok(pid) }
}

/// Forks with a new pseudo-terminal: (0, -1) in the child, the child's id and the terminal's descriptor in the parent.
#[pyfunction]
pub fn forkpty(vm: &mut Vm) -> PyResult {
    check_allowed(vm, "fork", vm.interp.features.get().fork)?;
    audit!(vm, "os.forkpty")?;
    let mut fd = -1;
    check_finalizing(vm)?;
    before_fork(vm);
    let pid = vm.fork_with(|| {
        let pid = sys!(libc::forkpty(&raw mut fd, std::ptr::null_mut(), std::ptr::null(), std::ptr::null()));
        (pid, pid == 0)
    });
    let code = errno();
    if pid == 0 {
        after_fork_child(vm);
    } else {
        warn_threads(vm, "forkpty")?;
        after_fork_parent(vm);
    }
    if pid == -1 {
        return Err(oserror::os_error(vm, code));
    }
    Ok(vm.new_tuple(vec![Value::from_i32(pid), Value::from_i32(fd)])?.into_value())
}

/// The strings of an `argv`, as C strings.
pub fn c_strings(vm: &mut Vm, items: &[Value]) -> PyResult<Vec<CString>> {
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        out.push(fspath::fs_bytes(vm, item)?);
    }
    Ok(out)
}

/// Null-terminated array of pointers to the strings.
pub fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|s| s.as_ptr()).chain(std::iter::once(std::ptr::null())).collect()
}

/// The arguments of a program, of which there is at least one.
pub fn argv_strings(vm: &mut Vm, function: &str, argv: &Value) -> PyResult<Vec<CString>> {
    let is_list = argv.is::<krait_runtime::types::list::List>() || argv.is::<krait_runtime::types::tuple::Tuple>();
    if !is_list {
        return Err(vm.type_error(format!("{function}() arg 2 must be a tuple or list")));
    }
    let items = vm.collect(argv)?;
    if items.is_empty() {
        return Err(vm.value_error(format!("{function}() arg 2 must not be empty")));
    }
    let strings = c_strings(vm, &items)?;
    if strings.first().is_some_and(|s| s.is_empty()) {
        return Err(vm.value_error(format!("{function}() arg 2 first element cannot be empty")));
    }
    Ok(strings)
}

/// `KEY=VALUE` strings of a mapping.
pub fn env_strings(vm: &mut Vm, env: &Value) -> PyResult<Vec<CString>> {
    let (keys, values) = (vm.intern("keys"), vm.intern("values"));
    let keys = vm.call_method(env, &keys, &[])?;
    let keys = vm.collect(&keys)?;
    let values = vm.call_method(env, &values, &[])?;
    let values = vm.collect(&values)?;
    let mut out = Vec::new();
    for (k, v) in keys.iter().zip(&values) {
        let (k, v) = (fspath::fs_bytes(vm, k)?, fspath::fs_bytes(vm, v)?);
        if k.is_empty() || k.as_bytes().get(1..).unwrap_or_default().contains(&b'=') {
            return Err(vm.value_error("illegal environment variable name"));
        }
        let both = [k.as_bytes(), b"=", v.as_bytes()].concat();
        out.push(CString::new(both).unwrap_or_default());
    }
    Ok(out)
}

/// Replaces the process by a program.
#[pyfunction(sig = "(path, argv, /)")]
pub fn execv(path: Path, argv: &Value, vm: &mut Vm) -> PyResult<()> {
    check_allowed(vm, "exec", vm.interp.features.get().exec)?;
    let args = argv_strings(vm, "execv", argv)?;
    audit!(vm, "os.exec", path, argv, Value::none())?;
    let pointers = pointers(&args);
    sys!(libc::execv(path.ptr(), pointers.as_ptr()));
    let code = errno();
    Err(oserror::os_error(vm, code))
}

/// Replaces the process by a program with an environment of its own.
#[pyfunction(sig = "(path, argv, env)")]
pub fn execve(path: PathOrFd, argv: &Value, env: &Value, vm: &mut Vm) -> PyResult<()> {
    let mapping = env;
    check_allowed(vm, "exec", vm.interp.features.get().exec)?;
    if env.ty().slots.getitem.get().is_none() {
        return Err(vm.type_error("execve: environment must be a mapping object"));
    }
    let args = argv_strings(vm, "execve", argv)?;
    let env = env_strings(vm, env)?;
    audit!(vm, "os.exec", path, argv, mapping)?;
    let (a, e) = (pointers(&args), pointers(&env));
    match path.fd {
        Some(fd) => sys!(libc::fexecve(fd, a.as_ptr(), e.as_ptr())),
        None => sys!(libc::execve(path.ptr(), a.as_ptr(), e.as_ptr())),
    };
    let code = errno();
    Err(path.error(vm, code))
}

/// Runs a command in a shell and returns its status.
#[pyfunction(sig = "(command)")]
pub fn system(command: &Value, vm: &mut Vm) -> PyResult<i32> {
    let command = fspath::fs_bytes(vm, command)?;
    audit!(vm, "os.system", command.as_bytes())?;
    Ok(vm.allow_threads(|| sys!(libc::system(command.as_ptr()))))
}

fn status_pair(vm: &mut Vm, pid: i32, status: i32) -> PyResult {
    let pid = vm.new_int(pid)?;
    let status = vm.new_int(status)?;
    Ok(vm.new_tuple(vec![pid, status])?.into_value())
}

/// Waits for a child: its id and status.
#[pyfunction(sig = "(pid, options, /)")]
pub fn waitpid(pid: i32, options: i32, vm: &mut Vm) -> PyResult {
    let mut status = 0;
    let pid = oserror::call(vm, || sys!(libc::waitpid(pid, &raw mut status, options)))?;
    status_pair(vm, pid, status)
}

/// Waits for any child: its id and status.
#[pyfunction]
pub fn wait(vm: &mut Vm) -> PyResult {
    let mut status = 0;
    let pid = oserror::call(vm, || sys!(libc::wait(&raw mut status)))?;
    status_pair(vm, pid, status)
}

/// Waits for a child: its id, status and use of resources.
#[pyfunction(sig = "(pid, options)")]
pub fn wait4(pid: i32, options: i32, vm: &mut Vm) -> PyResult {
    let mut status = 0;
    // SAFETY: all fields are numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let pid = oserror::call(vm, || sys!(libc::wait4(pid, &raw mut status, options, &raw mut usage)))?;
    let (pid, status) = (vm.new_int(pid)?, vm.new_int(status)?);
    let usage = crate::resource::rusage(vm, &usage)?;
    Ok(vm.new_tuple(vec![pid, status, usage])?.into_value())
}

/// Waits for any child: its id, status and use of resources.
#[pyfunction(sig = "(options)")]
pub fn wait3(options: i32, vm: &mut Vm) -> PyResult {
    wait4(-1, options, vm)
}

/// Waits for a child's change of state; None if nothing has changed.
#[pyfunction(sig = "(idtype, id, options, /)")]
pub fn waitid(idtype: u32, id: i32, options: i32, vm: &mut Vm) -> PyResult {
    // SAFETY: all fields are numbers or pointers.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    oserror::call(vm, || sys!(libc::waitid(idtype, id as libc::id_t, &raw mut info, options)))?;
    // SAFETY: `waitid` fills in the fields of SIGCHLD.
    let (pid, uid, status) = unsafe { (info.si_pid(), info.si_uid(), info.si_status()) };
    if pid == 0 {
        return Ok(Value::none());
    }
    let values = vec![vm.new_int(pid)?, vm.new_int(uid)?, vm.new_int(info.si_signo)?, vm.new_int(status)?, vm.new_int(info.si_code)?];
    structseq::new(vm, &WAITID_RESULT, values)
}

macro_rules! wait_macros {
    ($($(#[$doc:meta])* $name:ident: $t:ty;)*) => {$(
        $(#[$doc])*
        #[pyfunction(sig = "(status)")]
        #[allow(non_snake_case, reason = "the macro's name")]
        pub fn $name(status: i32) -> $t {
            libc::$name(status)
        }
    )*};
}
wait_macros! {
    /// Whether the process went on.
    WIFCONTINUED: bool;
    /// Whether the process was stopped.
    WIFSTOPPED: bool;
    /// Whether a signal ended the process.
    WIFSIGNALED: bool;
    /// Whether the process exited.
    WIFEXITED: bool;
    /// The exit status.
    WEXITSTATUS: i32;
    /// The signal that ended the process.
    WTERMSIG: i32;
    /// The signal that stopped the process.
    WSTOPSIG: i32;
}

/// Whether the process left a core file.
#[pyfunction(sig = "(status, /)")]
#[allow(non_snake_case, reason = "the macro's name")]
pub fn WCOREDUMP(status: i32) -> bool {
    libc::WCOREDUMP(status)
}

/// The exit code of a wait status: negative for signals.
#[pyfunction(sig = "(status)")]
pub fn waitstatus_to_exitcode(status: i32, vm: &mut Vm) -> PyResult<i32> {
    if libc::WIFEXITED(status) {
        return Ok(libc::WEXITSTATUS(status));
    }
    if libc::WIFSIGNALED(status) {
        return Ok(-libc::WTERMSIG(status));
    }
    if libc::WIFSTOPPED(status) {
        let signal = libc::WSTOPSIG(status);
        return Err(vm.value_error(format!("process stopped by delivery of signal {signal}")));
    }
    Err(vm.value_error(format!("invalid wait status: {status}")))
}

/// Bytes that nobody can guess.
#[pyfunction(sig = "(size, /)")]
pub fn urandom(size: isize, vm: &mut Vm) -> PyResult {
    let Ok(size) = usize::try_from(size) else { return Err(vm.value_error("negative argument not allowed")) };
    let mut buffer = crate::posix::fds::buffer_of(vm, size)?;
    let mut at = 0;
    while at < size {
        let rest = buffer.get_mut(at..).unwrap_or_default();
        let n = oserror::call(vm, || sys!(libc::getrandom(rest.as_mut_ptr().cast(), rest.len().min(1 << 20), 0)))?;
        at += n.max(1) as usize;
    }
    Ok(vm.new_bytes(&buffer)?.into_value())
}

/// Random bytes of the system; fewer than asked for are possible.
#[pyfunction(sig = "(size, flags=0)")]
pub fn getrandom(size: isize, flags: u32, vm: &mut Vm) -> PyResult {
    let Ok(size) = usize::try_from(size) else { return Err(oserror::os_error(vm, libc::EINVAL)) };
    let mut buffer = crate::posix::fds::buffer_of(vm, size)?;
    let n = oserror::call(vm, || sys!(libc::getrandom(buffer.as_mut_ptr().cast(), buffer.len(), flags)))?;
    buffer.truncate(n as usize);
    Ok(vm.new_bytes(&buffer)?.into_value())
}

/// The number of processors; None if unknown.
#[pyfunction]
pub fn cpu_count(vm: &mut Vm) -> PyResult {
    if let Some(n) = vm.config().cpu_count {
        return vm.new_int(n);
    }
    match sys!(libc::sysconf(libc::_SC_NPROCESSORS_ONLN)) {
        n if n >= 1 => vm.new_int(n),
        _ => Ok(Value::none()),
    }
}

/// The mean number of processes that want to run, over 1, 5 and 15 minutes.
#[pyfunction]
pub fn getloadavg(vm: &mut Vm) -> PyResult {
    let mut loads = [0f64; 3];
    if sys!(libc::getloadavg(loads.as_mut_ptr(), 3)) != 3 {
        let class = oserror::builtin(vm, "OSError")?;
        let text = vm.new_str("Load averages are unobtainable")?.into_value();
        return Err(oserror::raise_class(vm, &class, &[text]));
    }
    let mut values = Vec::new();
    for load in loads {
        values.push(vm.new_float(load)?);
    }
    Ok(vm.new_tuple(values)?.into_value())
}

/// What the C library says about an error number.
#[pyfunction(sig = "(code, /)")]
pub fn strerror(code: i32) -> String {
    oserror::strerror(code)
}

/// The names of system and machine.
#[pyfunction]
pub fn uname(vm: &mut Vm) -> PyResult {
    // SAFETY: all fields are arrays of numbers.
    let mut names: libc::utsname = unsafe { std::mem::zeroed() };
    let result = sys!(libc::uname(&raw mut names));
    check(vm, result)?;
    let mut values = Vec::new();
    for field in [&names.sysname, &names.nodename, &names.release, &names.version, &names.machine] {
        let bytes: Vec<u8> = field.iter().take_while(|&&c| c != 0).map(|&c| c as u8).collect();
        values.push(fspath::fsdecode(vm, &bytes)?.into_value());
    }
    structseq::new(vm, &UNAME_RESULT, values)
}

/// The processor time used by the process and its children, and elapsed time, in seconds.
#[pyfunction]
pub fn times(vm: &mut Vm) -> PyResult {
    // SAFETY: all fields are numbers.
    let mut t: libc::tms = unsafe { std::mem::zeroed() };
    let elapsed = sys!(libc::times(&raw mut t));
    let ticks = sys!(libc::sysconf(libc::_SC_CLK_TCK)) as f64;
    let mut values = Vec::new();
    for n in [t.tms_utime, t.tms_stime, t.tms_cutime, t.tms_cstime, elapsed] {
        values.push(vm.new_float(n as f64 / ticks)?);
    }
    structseq::new(vm, &TIMES_RESULT, values)
}

/// The name of the controlling terminal.
#[pyfunction]
pub fn ctermid(vm: &mut Vm) -> PyResult {
    let mut buffer = [0u8; 64];
    sys!(libc::ctermid(buffer.as_mut_ptr().cast()));
    let name = CStr::from_bytes_until_nul(&buffer).map(|c| c.to_bytes().to_vec()).unwrap_or_default();
    Ok(fspath::fsdecode(vm, &name)?.into_value())
}

/// Lets other threads of the system run.
#[pyfunction]
pub fn sched_yield(vm: &mut Vm) -> PyResult<()> {
    oserror::call_once(vm, || sys!(libc::sched_yield())).map(drop)
}

/// The processors on which a process may run.
#[pyfunction(sig = "(pid, /)")]
pub fn sched_getaffinity(pid: i32, vm: &mut Vm) -> PyResult {
    // SAFETY: all fields are numbers.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    let result = sys!(libc::sched_getaffinity(pid, size_of::<libc::cpu_set_t>(), &raw mut set));
    check(vm, result)?;
    let cpus: Vec<i32> = (0..libc::CPU_SETSIZE).filter(|&i| sys!(libc::CPU_ISSET(i as usize, &set))).collect();
    let items: Vec<Value> = cpus.into_iter().map(Value::from_i32).collect();
    let list = vm.new_list(items)?.into_value();
    let set = oserror::builtin(vm, "set")?;
    vm.call(&set, &[list])
}

/// Restricts a process to processors.
#[pyfunction(sig = "(pid, mask, /)")]
pub fn sched_setaffinity(pid: i32, mask: &Value, vm: &mut Vm) -> PyResult<()> {
    // SAFETY: all fields are numbers.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for cpu in vm.collect(mask)? {
        let cpu = vm.as_count(&cpu)?;
        match usize::try_from(cpu) {
            Ok(cpu) if cpu < libc::CPU_SETSIZE as usize => sys!(libc::CPU_SET(cpu, &mut set)),
            Ok(_) => return Err(vm.value_error("CPU number too large")),
            Err(_) => return Err(vm.value_error("negative CPU number")),
        }
    }
    let result = sys!(libc::sched_setaffinity(pid, size_of::<libc::cpu_set_t>(), &raw const set));
    check(vm, result).map(drop)
}

/// A descriptor for a process.
#[pyfunction(sig = "(pid, flags=0)")]
pub fn pidfd_open(pid: i32, flags: u32, vm: &mut Vm) -> PyResult<i64> {
    let fd = sys!(libc::syscall(libc::SYS_pidfd_open, pid, flags));
    check(vm, fd)
}

fn env_bytes(vm: &mut Vm, value: &Value) -> PyResult<CString> {
    fspath::fs_bytes(vm, value)
}

/// Sets an environment variable of the process.
#[pyfunction(sig = "(name, value, /)")]
pub fn putenv(name: &Value, value: &Value, vm: &mut Vm) -> PyResult<()> {
    let (name, value) = (env_bytes(vm, name)?, env_bytes(vm, value)?);
    if name.as_bytes().contains(&b'=') {
        return Err(vm.value_error("illegal environment variable name"));
    }
    audit!(vm, "os.putenv", name.as_bytes(), value.as_bytes())?;
    let result = sys!(libc::setenv(name.as_ptr(), value.as_ptr(), 1));
    check(vm, result).map(drop)
}

/// Removes an environment variable of the process.
#[pyfunction(sig = "(name, /)")]
pub fn unsetenv(name: &Value, vm: &mut Vm) -> PyResult<()> {
    let name = env_bytes(vm, name)?;
    audit!(vm, "os.unsetenv", name.as_bytes())?;
    let result = sys!(libc::unsetenv(name.as_ptr()));
    check(vm, result).map(drop)
}

/// The environment as a new dict of bytes.
#[pyfunction]
pub fn _create_environ(vm: &mut Vm) -> PyResult<Py<Dict>> {
    use std::os::unix::ffi::OsStrExt as _;
    let dict = vm.new_dict()?;
    let vars: Vec<_> = std::env::vars_os().collect();
    for (key, value) in vars {
        let key = vm.new_bytes(key.as_bytes())?.into_value();
        if dict.contains(vm, &key)? {
            continue;
        }
        let value = vm.new_bytes(value.as_bytes())?.into_value();
        dict.set(vm, &key, value)?;
    }
    Ok(dict)
}

/// Where an embedding would wait for input; nothing is installed.
#[pyfunction]
pub fn _inputhook() -> i32 {
    0
}

/// Whether there is an input hook.
#[pyfunction]
pub fn _is_inputhook_installed() -> bool {
    false
}
