//! `posix_spawn` and `posix_spawnp`: starting programs without a fork that Python code could see.
#![allow(unsafe_code, reason = "system calls")]

use crate::fspath::{self, Path};
use crate::oserror::{self, sys};
use crate::posix::process::{argv_strings, env_strings, pointers};
use krait_runtime::types::list::List;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{PyResult, Value, Vm, pyfunction};
use std::ffi::CString;

/// `POSIX_SPAWN_*`: kinds of file actions.
const OPEN: i32 = 0;
const CLOSE: i32 = 1;
const DUP2: i32 = 2;
const CLOSEFROM: i32 = 3;

/// What the child does with its descriptors, freed at the end.
struct FileActions {
    actions: libc::posix_spawn_file_actions_t,
    /// Names that the actions point to.
    names: Vec<CString>,
}

impl Drop for FileActions {
    fn drop(&mut self) {
        sys!(libc::posix_spawn_file_actions_destroy(&raw mut self.actions));
    }
}

/// How the child starts, freed at the end.
struct Attributes(libc::posix_spawnattr_t);

impl Drop for Attributes {
    fn drop(&mut self) {
        sys!(libc::posix_spawnattr_destroy(&raw mut self.0));
    }
}

/// An error number as an exception.
fn ok(vm: &mut Vm, code: i32) -> PyResult<()> {
    if code == 0 { Ok(()) } else { Err(oserror::os_error(vm, code)) }
}

fn int(vm: &mut Vm, value: &Value) -> PyResult<i32> {
    let n = vm.index(value)?;
    match vm.int_as_i128(&n).and_then(|n| i32::try_from(n).ok()) {
        Some(n) => Ok(n),
        None => Err(vm.overflow_error("Python int too large to convert to C int")),
    }
}

impl FileActions {
    fn new(vm: &mut Vm) -> PyResult<FileActions> {
        // SAFETY: plain data, filled in by the call.
        let mut made = FileActions { actions: unsafe { std::mem::zeroed() }, names: Vec::new() };
        let code = sys!(libc::posix_spawn_file_actions_init(&raw mut made.actions));
        ok(vm, code)?;
        Ok(made)
    }

    fn wrong(vm: &mut Vm, want: &str) -> krait_runtime::Raised {
        vm.type_error(format!("A {want} file_action tuple must have {} elements", match want {
            "open" => 5,
            "close" | "closefrom" => 2,
            _ => 3,
        }))
    }

    fn add(&mut self, vm: &mut Vm, action: &Value) -> PyResult<()> {
        let Some(action) = action.downcast::<Tuple>().filter(|t| !t.is_empty()) else {
            return Err(vm.type_error("Each file_actions element must be a non-empty tuple"));
        };
        let items = action.items();
        let Some(kind) = items.first().and_then(Value::as_small_int) else {
            return Err(vm.type_error("Unknown file_actions identifier"));
        };
        match (i32::try_from(kind), &items[1..]) {
            (Ok(OPEN), [fd, path, flags, mode]) => {
                let fd = int(vm, fd)?;
                let name = fspath::fs_bytes(vm, path)?;
                let (flags, mode) = (int(vm, flags)?, int(vm, mode)?);
                let code = sys!(libc::posix_spawn_file_actions_addopen(&raw mut self.actions, fd, name.as_ptr(), flags, mode as libc::mode_t));
                self.names.push(name);
                ok(vm, code)
            }
            (Ok(CLOSE), [fd]) => {
                let fd = int(vm, fd)?;
                let code = sys!(libc::posix_spawn_file_actions_addclose(&raw mut self.actions, fd));
                ok(vm, code)
            }
            (Ok(DUP2), [fd, to]) => {
                let (fd, to) = (int(vm, fd)?, int(vm, to)?);
                let code = sys!(libc::posix_spawn_file_actions_adddup2(&raw mut self.actions, fd, to));
                ok(vm, code)
            }
            (Ok(CLOSEFROM), [fd]) => {
                let fd = int(vm, fd)?;
                let code = sys!(posix_spawn_file_actions_addclosefrom_np(&raw mut self.actions, fd));
                ok(vm, code)
            }
            (Ok(CLOSEFROM), _) => Err(FileActions::wrong(vm, "closefrom")),
            (Ok(OPEN), _) => Err(FileActions::wrong(vm, "open")),
            (Ok(CLOSE), _) => Err(FileActions::wrong(vm, "close")),
            (Ok(DUP2), _) => Err(FileActions::wrong(vm, "dup2")),
            _ => Err(vm.type_error("Unknown file_actions identifier")),
        }
    }
}

/// What `posix_spawn` takes beside program, arguments and environment.
struct Options<'a> {
    setpgroup: &'a Value,
    resetids: bool,
    setsid: bool,
    setsigmask: Option<&'a Value>,
    setsigdef: Option<&'a Value>,
    scheduler: &'a Value,
}

impl Attributes {
    fn new(vm: &mut Vm, options: &Options<'_>) -> PyResult<Attributes> {
        // SAFETY: plain data, filled in by the call.
        let mut made = Attributes(unsafe { std::mem::zeroed() });
        let attr = &raw mut made.0;
        let code = sys!(libc::posix_spawnattr_init(attr));
        ok(vm, code)?;
        let mut flags = 0;
        if !options.setpgroup.is_none() {
            let group = int(vm, options.setpgroup)?;
            let code = sys!(libc::posix_spawnattr_setpgroup(attr, group));
            ok(vm, code)?;
            flags |= libc::POSIX_SPAWN_SETPGROUP;
        }
        if options.resetids {
            flags |= libc::POSIX_SPAWN_RESETIDS;
        }
        if options.setsid {
            flags |= i32::from(libc::POSIX_SPAWN_SETSID);
        }
        if let Some(signals) = options.setsigmask {
            let set = crate::signal::sigset(vm, signals)?;
            let code = sys!(libc::posix_spawnattr_setsigmask(attr, &raw const set));
            ok(vm, code)?;
            flags |= libc::POSIX_SPAWN_SETSIGMASK;
        }
        if let Some(signals) = options.setsigdef {
            let set = crate::signal::sigset(vm, signals)?;
            let code = sys!(libc::posix_spawnattr_setsigdefault(attr, &raw const set));
            ok(vm, code)?;
            flags |= libc::POSIX_SPAWN_SETSIGDEF;
        }
        if !options.scheduler.is_none() {
            flags |= made.set_scheduler(vm, options.scheduler)?;
        }
        let code = sys!(libc::posix_spawnattr_setflags(attr, flags as libc::c_short));
        ok(vm, code)?;
        Ok(made)
    }

    fn set_scheduler(&mut self, vm: &mut Vm, scheduler: &Value) -> PyResult<i32> {
        let Some(pair) = scheduler.downcast::<Tuple>() else { return Err(vm.type_error("scheduler must be a tuple or None")) };
        let [policy, param] = pair.items() else {
            return Err(vm.type_error("A scheduler tuple must have two elements"));
        };
        let attr = &raw mut self.0;
        let mut flags = libc::POSIX_SPAWN_SETSCHEDPARAM;
        if !policy.is_none() {
            let policy = int(vm, policy)?;
            let code = sys!(libc::posix_spawnattr_setschedpolicy(attr, policy));
            ok(vm, code)?;
            flags = libc::POSIX_SPAWN_SETSCHEDULER;
        }
        let param = crate::posix::conf::param(vm, param)?;
        let code = sys!(libc::posix_spawnattr_setschedparam(attr, &raw const param));
        ok(vm, code)?;
        Ok(flags)
    }
}

/// A program to start, and whether it is looked for in PATH.
struct Program<'a> {
    path: &'a Path,
    search: bool,
}

fn spawn(vm: &mut Vm, program: &Program<'_>, argv: &Value, env: &Value, file_actions: Option<&Value>, options: &Options<'_>) -> PyResult<i32> {
    let name = if program.search { "posix_spawnp" } else { "posix_spawn" };
    if !argv.is::<List>() && !argv.is::<Tuple>() {
        return Err(vm.type_error(format!("{name}: argv must be a tuple or list")));
    }
    if !env.is_none() && env.ty().slots.getitem.get().is_none() {
        return Err(vm.type_error(format!("{name}: environment must be a mapping object or None")));
    }
    let args = argv_strings(vm, name, argv)?;
    let env_given = if env.is_none() { None } else { Some(env_strings(vm, env)?) };
    let mut actions = None;
    if let Some(file_actions) = file_actions.filter(|a| !a.is_none()) {
        let items = match (file_actions.downcast::<List>(), file_actions.downcast::<Tuple>()) {
            (None, None) if !crate::posix::fds::is_sequence(file_actions) => {
                return Err(vm.type_error("file_actions must be a sequence or None"));
            }
            _ => vm.collect(file_actions)?,
        };
        let mut made = FileActions::new(vm)?;
        for item in &items {
            made.add(vm, item)?;
        }
        actions = Some(made);
    }
    let attributes = Attributes::new(vm, options)?;
    vm.audit("os.posix_spawn", &[program.path.object.clone(), argv.clone(), env.clone()])?;
    let (a, e) = (pointers(&args), env_given.as_deref().map(pointers));
    // SAFETY: `environ` is the process's own; null-terminated like the arrays made here.
    let inherited = unsafe { environ };
    let envp = e.as_ref().map_or(inherited.cast_const().cast(), |e| e.as_ptr().cast::<*mut libc::c_char>());
    let file_actions = actions.as_ref().map_or(std::ptr::null(), |a| &raw const a.actions);
    let mut pid = 0;
    let start = if program.search { libc::posix_spawnp } else { libc::posix_spawn };
    let code = sys!(start(&raw mut pid, program.path.ptr(), file_actions, &raw const attributes.0, a.as_ptr().cast(), envp));
    if code != 0 {
        return Err(oserror::os_error_file(vm, code, &program.path.object));
    }
    Ok(pid)
}

unsafe extern "C" {
    static environ: *mut *mut libc::c_char;
    fn posix_spawn_file_actions_addclosefrom_np(actions: *mut libc::posix_spawn_file_actions_t, from: libc::c_int) -> libc::c_int;
}

/// Starts a program in a new process and returns the process's id.
#[pyfunction(
    sig = "(path, argv, env, /, *, file_actions=?, setpgroup=None, resetids=False, setsid=False, setsigmask=?, setsigdef=?, scheduler=None)",
    text = "($module, path, argv, env, /, *, file_actions=(),\n            setpgroup=None, resetids=False, setsid=False,\n            setsigmask=(), setsigdef=(), scheduler=None)"
)]
#[allow(clippy::too_many_arguments, reason = "Python's signature")]
pub fn posix_spawn(
    path: Path, argv: &Value, env: &Value, file_actions: Option<&Value>, setpgroup: Value, resetids: bool, setsid: bool, setsigmask: Option<&Value>,
    setsigdef: Option<&Value>, scheduler: Value, vm: &mut Vm,
) -> PyResult<i32> {
    let options = Options { setpgroup: &setpgroup, resetids, setsid, setsigmask, setsigdef, scheduler: &scheduler };
    spawn(vm, &Program { path: &path, search: false }, argv, env, file_actions, &options)
}

/// Starts a program, which is looked for in PATH, in a new process and returns the process's id.
#[pyfunction(
    sig = "(path, argv, env, /, *, file_actions=?, setpgroup=None, resetids=False, setsid=False, setsigmask=?, setsigdef=?, scheduler=None)",
    text = "($module, path, argv, env, /, *, file_actions=(),\n            setpgroup=None, resetids=False, setsid=False,\n            setsigmask=(), setsigdef=(), scheduler=None)"
)]
#[allow(clippy::too_many_arguments, reason = "Python's signature")]
pub fn posix_spawnp(
    path: Path, argv: &Value, env: &Value, file_actions: Option<&Value>, setpgroup: Value, resetids: bool, setsid: bool, setsigmask: Option<&Value>,
    setsigdef: Option<&Value>, scheduler: Value, vm: &mut Vm,
) -> PyResult<i32> {
    let options = Options { setpgroup: &setpgroup, resetids, setsid, setsigmask, setsigdef, scheduler: &scheduler };
    spawn(vm, &Program { path: &path, search: true }, argv, env, file_actions, &options)
}
