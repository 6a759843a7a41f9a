//! The `posix` module: what `os` is made of on Unix.
//!
//! - `files`: names of files; `stat`; `dirs`: reading directories; `fds`: descriptors; `process`: processes, ids, environment;
//!   `constants`: numbers. Absent: what the system's C library does not have.

use crate::oserror;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::structseq::{self, StructSeqDef};
use krait_runtime::{Py, PyResult, Vm};

pub mod conf;
mod constants;
pub mod dirs;
pub mod fds;
pub mod files;
pub mod process;
mod spawn;
pub mod stat;
pub mod sys;
mod timerfd;

/// `os.terminal_size`.
pub static TERMINAL_SIZE: StructSeqDef = StructSeqDef {
    name: "os.terminal_size",
    doc: "A tuple of (columns, lines) for holding terminal window size",
    fields: &[("columns", "width of the terminal window in characters"), ("lines", "height of the terminal window in characters")],
    in_sequence: 2,
};

/// `posix.uname_result`.
pub static UNAME_RESULT: StructSeqDef = StructSeqDef {
    name: "posix.uname_result",
    doc: "Names of system and machine: a tuple of (sysname, nodename, release, version, machine), also as attributes.",
    fields: &[
        ("sysname", "operating system name"),
        ("nodename", "name of machine on network (implementation-defined)"),
        ("release", "operating system release"),
        ("version", "operating system version"),
        ("machine", "hardware identifier"),
    ],
    in_sequence: 5,
};

/// `posix.times_result`.
pub static TIMES_RESULT: StructSeqDef = StructSeqDef {
    name: "posix.times_result",
    doc: "Process times: a tuple of (user, system, children_user, children_system, elapsed), also as attributes.",
    fields: &[
        ("user", "user time"),
        ("system", "system time"),
        ("children_user", "user time of children"),
        ("children_system", "system time of children"),
        ("elapsed", "elapsed time since an arbitrary point in the past"),
    ],
    in_sequence: 5,
};

/// `posix.waitid_result`.
pub static WAITID_RESULT: StructSeqDef = StructSeqDef {
    name: "posix.waitid_result",
    doc: "Result from waitid: a tuple of (si_pid, si_uid, si_signo, si_status, si_code), also as attributes.",
    fields: &[("si_pid", ""), ("si_uid", ""), ("si_signo", ""), ("si_status", ""), ("si_code", "")],
    in_sequence: 5,
};

krait_runtime::module! {
    "posix",
    doc: "The operating system's interface as POSIX describes it; use it through `os`.",
    functions: [
        files::unlink, files::remove, files::rmdir, files::mkdir, files::mkfifo, files::mknod, files::rename, files::replace, files::link,
        files::symlink, files::readlink, files::access, files::chmod, files::fchmod, files::chown, files::fchown, files::lchown, files::chdir,
        files::fchdir, files::chroot, files::getcwd, files::getcwdb, files::umask, files::fspath_, files::truncate, files::utime,
        files::makedev, files::major, files::minor, files::_path_splitroot_ex, files::_path_normpath,
        stat::stat, stat::lstat, stat::fstat, stat::statvfs, stat::fstatvfs,
        dirs::listdir, dirs::scandir,
        fds::open, fds::close, fds::closerange, fds::dup, fds::dup2, fds::read, fds::readinto, fds::write, fds::pread, fds::pwrite,
        fds::writev, fds::pwritev, fds::readv, fds::preadv, fds::lseek, fds::ftruncate, fds::fsync, fds::fdatasync, fds::sync, fds::isatty,
        fds::pipe, fds::pipe2, fds::get_inheritable, fds::set_inheritable, fds::get_blocking, fds::set_blocking, fds::get_terminal_size,
        fds::device_encoding, fds::sendfile, fds::copy_file_range, fds::splice, fds::lockf, fds::posix_fadvise, fds::posix_fallocate,
        timerfd::timerfd_create, timerfd::timerfd_settime, timerfd::timerfd_settime_ns, timerfd::timerfd_gettime,
        timerfd::timerfd_gettime_ns, fds::memfd_create, fds::eventfd, fds::eventfd_read, fds::eventfd_write, fds::openpty, fds::ttyname, fds::tcgetpgrp, fds::tcsetpgrp,
        process::getpid, process::getppid, process::getuid, process::geteuid, process::getgid, process::getegid, process::getpgrp,
        process::getpgid, process::getsid, process::setsid, process::setpgrp, process::setpgid, process::setuid, process::setgid,
        process::seteuid, process::setegid, process::setreuid, process::setregid, process::setresuid, process::setresgid,
        process::getresuid, process::getresgid, process::getgroups, process::setgroups, process::getgrouplist, process::getlogin,
        process::kill, process::killpg, process::nice, process::getpriority, process::setpriority, process::_exit, process::abort,
        process::register_at_fork, process::fork, process::forkpty, process::execv, process::execve, spawn::posix_spawn, spawn::posix_spawnp, process::system, process::waitpid,
        process::wait, process::wait4, process::wait3, process::waitid, process::WIFCONTINUED, process::WIFSTOPPED, process::WIFSIGNALED,
        process::WIFEXITED, process::WEXITSTATUS, process::WTERMSIG, process::WSTOPSIG, process::WCOREDUMP,
        process::waitstatus_to_exitcode, process::urandom, process::getrandom, process::cpu_count, process::getloadavg, process::strerror,
        process::uname, process::times, process::ctermid, process::sched_yield, process::sched_getaffinity, process::sched_setaffinity,
        process::pidfd_open, process::putenv, process::unsetenv, process::_create_environ, process::_inputhook,
        process::_is_inputhook_installed,
        conf::sysconf, conf::pathconf, conf::fpathconf, conf::confstr, conf::getxattr, conf::setxattr, conf::removexattr, conf::listxattr,
        conf::sched_get_priority_max, conf::sched_get_priority_min, conf::sched_getscheduler, conf::sched_getparam, conf::sched_setparam,
        conf::sched_setscheduler, conf::sched_rr_get_interval, conf::posix_openpt, conf::grantpt, conf::unlockpt, conf::ptsname,
        conf::login_tty, conf::unshare, conf::setns, conf::initgroups,
    ],
    types: [dirs::DirEntry],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    for (name, value) in constants::CONSTANTS {
        let name = vm.intern(name);
        let value = vm.new_int(*value)?;
        dict.set_str(vm, &name, value)?;
    }
    for def in [&stat::STAT_RESULT, &stat::STATVFS_RESULT, &TERMINAL_SIZE, &UNAME_RESULT, &TIMES_RESULT, &WAITID_RESULT, &conf::SCHED_PARAM] {
        let ty = structseq::type_of(vm, def)?;
        let name = vm.intern(def.name.rsplit('.').next().unwrap_or(def.name));
        dict.set_str(vm, &name, ty.to_value())?;
    }
    structseq::type_of(vm, &conf::SCHED_PARAM)?.slots.new.set(Some(conf::new_sched_param));
    for (name, table) in [("sysconf_names", conf::SYSCONF), ("pathconf_names", conf::PATHCONF), ("confstr_names", conf::CONFSTR)] {
        let names = vm.new_dict()?;
        for (key, code) in table {
            let key = vm.intern(key);
            names.set_str(vm, &key, krait_runtime::Value::from_i32(*code))?;
        }
        let name = vm.intern(name);
        dict.set_str(vm, &name, names.into_value())?;
    }
    let error = oserror::builtin(vm, "OSError")?;
    let name = vm.intern("error");
    dict.set_str(vm, &name, error)?;
    let environ = process::_create_environ(vm)?;
    let name = vm.intern("environ");
    dict.set_str(vm, &name, environ.into_value())?;
    let mut functions = Vec::new();
    for name in constants::HAVE {
        functions.push(vm.new_str(name)?.into_value());
    }
    let list = vm.new_list(functions)?.into_value();
    let name = vm.intern("_have_functions");
    dict.set_str(vm, &name, list)
}
