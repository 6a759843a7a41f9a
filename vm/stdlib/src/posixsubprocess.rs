//! The `_posixsubprocess` module: `fork_exec`, which starts programs for `subprocess`.
//!
//! Everything the child needs is made before the fork: between fork and exec it only makes system calls, unless there is a `preexec_fn`.
#![allow(unsafe_code, reason = "fork, exec and the system calls between them")]

use crate::fspath;
use crate::oserror::{self, errno, sys};
use crate::posix::fds::close_range;
use crate::posix::process::{after_fork_child, after_fork_parent, before_fork, c_strings, pointers};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, PyResult, Value, Vm, pyfunction};
use std::ffi::CString;

/// What the child does before it becomes the program.
struct Child {
    argv: Option<Vec<CString>>,
    executables: Vec<CString>,
    env: Option<Vec<CString>>,
    cwd: Option<CString>,
    close_fds: bool,
    pass_fds: Vec<i32>,
    p2cread: i32,
    p2cwrite: i32,
    c2pread: i32,
    c2pwrite: i32,
    errread: i32,
    errwrite: i32,
    errpipe_read: i32,
    errpipe_write: i32,
    restore_signals: bool,
    setsid: bool,
    pgid: i32,
    gid: Option<u32>,
    groups: Option<Vec<u32>>,
    uid: Option<u32>,
    umask: i32,
}

/// A step that failed: what the parent is told, and the error's number.
struct Failed(&'static str, i32);

fn set_inheritable(fd: i32) -> bool {
    let flags = sys!(libc::fcntl(fd, libc::F_GETFD));
    flags != -1 && sys!(libc::fcntl(fd, libc::F_SETFD, flags & !libc::FD_CLOEXEC)) != -1
}

impl Child {
    /// The steps before `preexec_fn`.
    fn prepare(&self) -> Result<(), Failed> {
        let step = |ok: bool| if ok { Ok(()) } else { Err(Failed("noexec", errno())) };
        for &fd in &self.pass_fds {
            if fd != self.errpipe_write && !set_inheritable(fd) {
                return step(false);
            }
        }
        for fd in [self.p2cwrite, self.c2pread, self.errread] {
            if fd != -1 {
                step(sys!(libc::close(fd)) == 0)?;
            }
        }
        step(sys!(libc::close(self.errpipe_read)) == 0)?;
        let (mut out, mut err) = (self.c2pwrite, self.errwrite);
        // Descriptors that stand where another one goes are moved away first.
        if out == 0 {
            out = sys!(libc::dup(out));
            step(out != -1)?;
        }
        while err == 0 || err == 1 {
            err = sys!(libc::dup(err));
            step(err != -1)?;
        }
        for (fd, to) in [(self.p2cread, 0), (out, 1), (err, 2)] {
            if fd == to {
                step(set_inheritable(fd))?;
            } else if fd != -1 {
                step(sys!(libc::dup2(fd, to)) != -1)?;
            }
        }
        if let Some(cwd) = &self.cwd
            && sys!(libc::chdir(cwd.as_ptr())) == -1 {
                return Err(Failed("noexec:chdir", errno()));
            }
        if self.umask >= 0 {
            sys!(libc::umask(self.umask as libc::mode_t));
        }
        if self.restore_signals {
            for signal in [libc::SIGPIPE, libc::SIGXFSZ] {
                sys!(libc::signal(signal, libc::SIG_DFL));
            }
        }
        if self.setsid {
            step(sys!(libc::setsid()) != -1)?;
        }
        if self.pgid >= 0 {
            step(sys!(libc::setpgid(0, self.pgid)) != -1)?;
        }
        if let Some(groups) = &self.groups {
            step(sys!(libc::setgroups(groups.len(), groups.as_ptr())) == 0)?;
        }
        if let Some(gid) = self.gid {
            step(sys!(libc::setregid(gid, gid)) == 0)?;
        }
        if let Some(uid) = self.uid {
            step(sys!(libc::setreuid(uid, uid)) == 0)?;
        }
        Ok(())
    }

    /// Closes all descriptors from 3 on but those to pass.
    fn close_others(&self) {
        let mut low = 3;
        for &fd in self.pass_fds.iter().filter(|&&fd| fd >= 3) {
            close_range(low, fd);
            low = fd + 1;
        }
        close_range(low, i32::MAX);
    }

    /// Becomes the program; returns only the error.
    fn exec(&self, argv: &[*const libc::c_char], env: Option<&[*const libc::c_char]>) -> i32 {
        let mut saved = 0;
        for executable in &self.executables {
            match env {
                Some(env) => sys!(libc::execve(executable.as_ptr(), argv.as_ptr(), env.as_ptr())),
                None => sys!(libc::execv(executable.as_ptr(), argv.as_ptr())),
            };
            let code = errno();
            if code != libc::ENOENT && code != libc::ENOTDIR && saved == 0 {
                saved = code;
            }
        }
        if saved != 0 { saved } else { errno() }
    }

    fn tell(&self, text: &[u8]) {
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
            let n = sys!(libc::write(self.errpipe_write, rest.as_ptr().cast(), rest.len()));
            if n <= 0 {
                return;
            }
            at += n as usize;
        }
    }

    fn report(&self, failed: &Failed) {
        // No allocation: only the stack.
        let mut text = [0u8; 64];
        let mut len = 0;
        let mut put = |bytes: &[u8]| {
            for &b in bytes {
                if let Some(slot) = text.get_mut(len) {
                    *slot = b;
                    len += 1;
                }
            }
        };
        put(b"OSError:");
        let mut started = false;
        for shift in (0..8).rev() {
            let digit = (failed.1 as u32 >> (shift * 4)) & 0xf;
            started |= digit != 0 || shift == 0;
            if started {
                put(&[b"0123456789ABCDEF".get(digit as usize).copied().unwrap_or(b'0')]);
            }
        }
        put(b":");
        put(failed.0.as_bytes());
        self.tell(text.get(..len).unwrap_or_default());
    }
}

fn optional_id(vm: &mut Vm, value: &Value, what: &str) -> PyResult<Option<u32>> {
    if value.is_none() { Ok(None) } else { crate::posix::files::id(vm, value, what).map(Some) }
}

fn small(vm: &mut Vm, value: &Value) -> PyResult<i32> {
    let index = vm.index(value)?;
    match vm.int_as_i128(&index).and_then(|i| i32::try_from(i).ok()) {
        Some(i) => Ok(i),
        None => Err(vm.overflow_error("Python int too large to convert to C int")),
    }
}

fn sequence(vm: &mut Vm, value: &Value, message: &str) -> PyResult<Vec<Value>> {
    if crate::posix::fds::is_sequence(value) { vm.collect(value) } else { Err(vm.type_error(message)) }
}

fn keep_list(vm: &mut Vm, value: &Value) -> PyResult<Vec<i32>> {
    let mut fds = Vec::new();
    for item in value.downcast::<Tuple>().map(|t| t.items().to_vec()).unwrap_or_default() {
        let fd = item.as_small_int().and_then(|i| i32::try_from(i).ok());
        match fd {
            Some(fd) if fd >= 0 && fds.last().is_none_or(|&last| fd > last) => fds.push(fd),
            _ => return Err(vm.value_error("bad value(s) in fds_to_keep")),
        }
    }
    Ok(fds)
}

fn parse(vm: &mut Vm, args: &[Value]) -> PyResult<(Child, Value)> {
    let [argv, executables, close_fds, pass_fds, cwd, env, fds @ .., restore, setsid, pgid, gid, groups, uid, umask, preexec] = args else {
        let n = args.len();
        return Err(vm.type_error(format!("fork_exec expected 22 arguments, got {n}")));
    };
    let mut n = [-1; 8];
    for (slot, value) in n.iter_mut().zip(fds) {
        *slot = small(vm, value)?;
    }
    let [p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, errpipe_read, errpipe_write] = n;
    let close_fds = vm.is_true(close_fds)?;
    if close_fds && errpipe_write < 3 {
        return Err(vm.value_error("errpipe_write must be >= 3"));
    }
    let argv = if argv.is_none() {
        None
    } else {
        let items = sequence(vm, argv, "argv must be a tuple")?;
        Some(c_strings(vm, &items)?)
    };
    let executables = vm.collect(executables)?;
    let mut names = Vec::new();
    for e in &executables {
        names.push(fspath::fs_bytes(vm, e)?);
    }
    let env = if env.is_none() {
        None
    } else {
        let items = sequence(vm, env, "env must be a sequence")?;
        Some(c_strings(vm, &items)?)
    };
    let groups = if groups.is_none() {
        None
    } else {
        let mut ids = Vec::new();
        for g in sequence(vm, groups, "setgroups argument must be a sequence")? {
            let index = vm.index(&g)?;
            match vm.int_as_i128(&index).and_then(|id| u32::try_from(id).ok()) {
                Some(id) if id != u32::MAX => ids.push(id),
                _ => return Err(vm.value_error("invalid group id")),
            }
        }
        Some(ids)
    };
    let child = Child {
        argv,
        executables: names,
        env,
        cwd: if cwd.is_none() { None } else { Some(fspath::fs_bytes(vm, cwd)?) },
        close_fds,
        pass_fds: keep_list(vm, pass_fds)?,
        p2cread,
        p2cwrite,
        c2pread,
        c2pwrite,
        errread,
        errwrite,
        errpipe_read,
        errpipe_write,
        restore_signals: vm.is_true(restore)?,
        setsid: vm.is_true(setsid)?,
        pgid: small(vm, pgid)?,
        gid: optional_id(vm, gid, "gid")?,
        groups,
        uid: optional_id(vm, uid, "uid")?,
        umask: small(vm, umask)?,
    };
    Ok((child, preexec.clone()))
}

/// The child's life: it ends here.
fn run_child(vm: &mut Vm, child: &Child, preexec: Option<&Value>, argv: &[*const libc::c_char], env: Option<&[*const libc::c_char]>) {
    if let Err(failed) = child.prepare() {
        child.report(&failed);
        return;
    }
    if let Some(function) = preexec {
        after_fork_child(vm);
        if vm.call(function, &[]).is_err() {
            child.tell(b"SubprocessError:0:Exception occurred in preexec_fn.");
            return;
        }
    }
    if child.close_fds {
        child.close_others();
    }
    let code = child.exec(argv, env);
    child.report(&Failed("", code));
}

/// Starts a program in a new process and returns the process's id. Errors of the child are written to errpipe_write.
#[pyfunction(text = "(args, executable_list, close_fds, pass_fds, cwd,\n          env, p2cread, p2cwrite, c2pread, c2pwrite,\n          errread, errwrite, errpipe_read, errpipe_write,\n          restore_signals, call_setsid, pgid_to_set, gid,\n          extra_groups, uid, child_umask, preexec_fn, /)")]
fn fork_exec(args: Args<'_>, vm: &mut Vm) -> PyResult<i32> {
    let values = args.unpack(vm, "fork_exec", 22, 22)?;
    let (child, preexec) = parse(vm, values)?;
    let argv = child.argv.as_deref().map(pointers).unwrap_or_else(|| vec![std::ptr::null()]);
    let env = child.env.as_deref().map(pointers);
    let preexec = (!preexec.is_none()).then_some(preexec);
    if let Some(function) = &preexec {
        if function.ty().slots.call.get().is_none() {
            return Err(vm.type_error("preexec_fn must be callable"));
        }
        crate::posix::process::check_running(vm, "preexec_fn not supported at interpreter shutdown")?;
        before_fork(vm);
    }
    if let [process_args, executables, _, _, _, env, ..] = values {
        vm.audit("_posixsubprocess.fork_exec", &[executables.clone(), process_args.clone(), env.clone()])?;
    }
    crate::posix::process::check_finalizing(vm)?;
    let pid = sys!(libc::fork());
    if pid == 0 {
        run_child(vm, &child, preexec.as_ref(), &argv, env.as_deref());
        sys!(libc::_exit(255));
    }
    let code = errno();
    if preexec.is_some() {
        after_fork_parent(vm);
    }
    if pid == -1 { Err(oserror::os_error(vm, code)) } else { Ok(pid) }
}

krait_runtime::module! {
    "_posixsubprocess",
    doc: "Starting programs, for `subprocess`.",
    functions: [fork_exec],
    types: [],
}
