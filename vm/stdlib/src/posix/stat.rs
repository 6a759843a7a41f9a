//! `stat` and its relatives, and `statvfs`.
#![allow(unsafe_code, reason = "system calls")]

use crate::fspath::{DirFd, Path, PathOrFd, at};
use crate::oserror::{self, once, retry, sys};
use crate::posix::files::check_fd_options;
use krait_runtime::types::structseq::{self, StructSeqDef};
use krait_runtime::{PyResult, Vm, pyfunction};

/// `os.stat_result`.
pub static STAT_RESULT: StructSeqDef = StructSeqDef {
    name: "os.stat_result",
    doc: "Result from stat, fstat, or lstat: a tuple of (mode, ino, dev, nlink, uid, gid, size, atime, mtime, ctime) whose items, and some more, are attributes.",
    fields: &[
        ("st_mode", "protection bits"),
        ("st_ino", "inode"),
        ("st_dev", "device"),
        ("st_nlink", "number of hard links"),
        ("st_uid", "user ID of owner"),
        ("st_gid", "group ID of owner"),
        ("st_size", "total size, in bytes"),
        ("", "integer time of last access"),
        ("", "integer time of last modification"),
        ("", "integer time of last change"),
        ("st_atime", "time of last access"),
        ("st_mtime", "time of last modification"),
        ("st_ctime", "time of last change"),
        ("st_atime_ns", "time of last access in nanoseconds"),
        ("st_mtime_ns", "time of last modification in nanoseconds"),
        ("st_ctime_ns", "time of last change in nanoseconds"),
        ("st_blksize", "blocksize for filesystem I/O"),
        ("st_blocks", "number of blocks allocated"),
        ("st_rdev", "device type (if inode device)"),
    ],
    in_sequence: 10,
};

/// `os.statvfs_result`.
pub static STATVFS_RESULT: StructSeqDef = StructSeqDef {
    name: "os.statvfs_result",
    doc: "Result from statvfs or fstatvfs: a tuple of (bsize, frsize, blocks, bfree, bavail, files, ffree, favail, flag, namemax), also as attributes.",
    fields: &[
        ("f_bsize", ""),
        ("f_frsize", ""),
        ("f_blocks", ""),
        ("f_bfree", ""),
        ("f_bavail", ""),
        ("f_files", ""),
        ("f_ffree", ""),
        ("f_favail", ""),
        ("f_flag", ""),
        ("f_namemax", ""),
        ("f_fsid", ""),
    ],
    in_sequence: 10,
};

/// An empty `stat` to be filled in.
pub fn empty() -> libc::stat {
    // SAFETY: all fields are numbers.
    unsafe { std::mem::zeroed() }
}

/// The result object.
pub fn result(vm: &mut Vm, st: &libc::stat) -> PyResult {
    let times = [(st.st_atime, st.st_atime_nsec), (st.st_mtime, st.st_mtime_nsec), (st.st_ctime, st.st_ctime_nsec)];
    let mut values = vec![
        vm.new_int(st.st_mode)?,
        vm.new_int(st.st_ino)?,
        vm.new_int(st.st_dev)?,
        vm.new_int(st.st_nlink)?,
        vm.new_int(st.st_uid)?,
        vm.new_int(st.st_gid)?,
        vm.new_int(st.st_size)?,
    ];
    for (seconds, _) in times {
        values.push(vm.new_int(seconds)?);
    }
    for (seconds, nanos) in times {
        values.push(vm.new_float(seconds as f64 + 1e-9 * nanos as f64)?);
    }
    for (seconds, nanos) in times {
        values.push(vm.new_int(i128::from(seconds) * 1_000_000_000 + i128::from(nanos))?);
    }
    values.push(vm.new_int(st.st_blksize)?);
    values.push(vm.new_int(st.st_blocks)?);
    values.push(vm.new_int(st.st_rdev)?);
    structseq::new(vm, &STAT_RESULT, values)
}

fn stat_path(vm: &mut Vm, function: &str, path: &PathOrFd, dir_fd: Option<DirFd>, follow: bool) -> PyResult {
    check_fd_options(vm, function, path.fd.is_some(), dir_fd.is_some(), follow)?;
    let mut st = empty();
    let flags = if follow { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    let done = match path.fd {
        Some(fd) => once(vm, || sys!(libc::fstat(fd, &raw mut st))),
        None => once(vm, || sys!(libc::fstatat(at(dir_fd), path.ptr(), &raw mut st, flags))),
    };
    match done {
        Ok(_) => result(vm, &st),
        Err(code) => Err(path.error(vm, code)),
    }
}

/// What the system knows of a file: of the target of symbolic links, unless follow_symlinks is false.
#[pyfunction(sig = "(path, *, dir_fd=None, follow_symlinks=True)")]
pub fn stat(path: PathOrFd, dir_fd: Option<DirFd>, follow_symlinks: bool, vm: &mut Vm) -> PyResult {
    stat_path(vm, "stat", &path, dir_fd, follow_symlinks)
}

/// What the system knows of a file; symbolic links are not followed.
#[pyfunction(sig = "(path, *, dir_fd=None)")]
pub fn lstat(path: Path, dir_fd: Option<DirFd>, vm: &mut Vm) -> PyResult {
    let path = Path { object: path.object, name: path.name, fd: None, is_bytes: path.is_bytes };
    stat_path(vm, "lstat", &path, dir_fd, false)
}

/// What the system knows of an open file.
#[pyfunction(sig = "(fd)")]
pub fn fstat(fd: i32, vm: &mut Vm) -> PyResult {
    let mut st = empty();
    match retry(vm, || sys!(libc::fstat(fd, &raw mut st)))? {
        Ok(_) => result(vm, &st),
        Err(code) => Err(oserror::os_error(vm, code)),
    }
}

fn statvfs_result(vm: &mut Vm, st: &libc::statvfs) -> PyResult {
    let numbers = [
        st.f_bsize, st.f_frsize, st.f_blocks, st.f_bfree, st.f_bavail, st.f_files, st.f_ffree, st.f_favail, st.f_flag, st.f_namemax, st.f_fsid,
    ];
    let mut values = Vec::with_capacity(numbers.len());
    for n in numbers {
        values.push(vm.new_int(n)?);
    }
    structseq::new(vm, &STATVFS_RESULT, values)
}

/// What the system knows of the file system that holds a path.
#[pyfunction(sig = "(path)")]
pub fn statvfs(path: PathOrFd, vm: &mut Vm) -> PyResult {
    // SAFETY: all fields are numbers.
    let mut st: libc::statvfs = unsafe { std::mem::zeroed() };
    let done = match path.fd {
        Some(fd) => once(vm, || sys!(libc::fstatvfs(fd, &raw mut st))),
        None => once(vm, || sys!(libc::statvfs(path.ptr(), &raw mut st))),
    };
    match done {
        Ok(_) => statvfs_result(vm, &st),
        Err(code) => Err(path.error(vm, code)),
    }
}

/// What the system knows of the file system of an open file.
#[pyfunction(sig = "(fd, /)")]
pub fn fstatvfs(fd: i32, vm: &mut Vm) -> PyResult {
    // SAFETY: all fields are numbers.
    let mut st: libc::statvfs = unsafe { std::mem::zeroed() };
    oserror::call(vm, || sys!(libc::fstatvfs(fd, &raw mut st)))?;
    statvfs_result(vm, &st)
}

/// The mode of a file without any object, for `DirEntry` and the import system.
pub fn mode_of(path: &std::ffi::CStr, dir: i32, follow: bool) -> Result<libc::stat, i32> {
    let mut st = empty();
    let flags = if follow { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    if sys!(libc::fstatat(dir, path.as_ptr(), &raw mut st, flags)) == 0 { Ok(st) } else { Err(oserror::errno()) }
}
