//! Names of files: links, directories, modes, owners, times.
#![allow(unsafe_code, reason = "system calls")]

use crate::audit::audit;
use crate::fspath::{self, DirFd, FileNo, Path, PathOrFd, at};
use crate::oserror::{self, errno, once, sys};
use krait_runtime::types::int::{Int, IntRef};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Value, Vm, pyfunction};

/// Calls a function of one path and raises its error with the path.
pub fn with_path<const F: bool, const N: bool>(vm: &mut Vm, path: &Path<F, N>, f: impl FnOnce() -> i32) -> PyResult<()> {
    match once(vm, f) {
        Ok(_) => Ok(()),
        Err(code) => Err(path.error(vm, code)),
    }
}

fn with_two(vm: &mut Vm, src: &Path, dst: &Path, f: impl FnOnce() -> i32) -> PyResult<()> {
    match once(vm, f) {
        Ok(_) => Ok(()),
        Err(code) => Err(oserror::os_error_files(vm, code, Some(&src.object), Some(&dst.object))),
    }
}

/// Removes a file.
#[pyfunction(sig = "(path, *, dir_fd=None)")]
pub fn unlink(path: Path, dir_fd: Option<DirFd>, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.remove", path, dir_fd)?;
    with_path(vm, &path, || sys!(libc::unlinkat(at(dir_fd), path.ptr(), 0)))
}

/// Removes a file; the same as unlink().
#[pyfunction(sig = "(path, *, dir_fd=None)")]
pub fn remove(path: Path, dir_fd: Option<DirFd>, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.remove", path, dir_fd)?;
    with_path(vm, &path, || sys!(libc::unlinkat(at(dir_fd), path.ptr(), 0)))
}

/// Removes an empty directory.
#[pyfunction(sig = "(path, *, dir_fd=None)")]
pub fn rmdir(path: Path, dir_fd: Option<DirFd>, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.rmdir", path, dir_fd)?;
    with_path(vm, &path, || sys!(libc::unlinkat(at(dir_fd), path.ptr(), libc::AT_REMOVEDIR)))
}

/// Makes a directory.
#[pyfunction(sig = "(path, mode=511, *, dir_fd=None)")]
pub fn mkdir(path: Path, mode: i32, dir_fd: Option<DirFd>, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.mkdir", path, mode, dir_fd)?;
    with_path(vm, &path, || sys!(libc::mkdirat(at(dir_fd), path.ptr(), mode as libc::mode_t)))
}

/// Makes a named pipe.
#[pyfunction(sig = "(path, mode=438, *, dir_fd=None)")]
pub fn mkfifo(path: Path, mode: i32, dir_fd: Option<DirFd>, vm: &mut Vm) -> PyResult<()> {
    loop {
        match once(vm, || sys!(libc::mkfifoat(at(dir_fd), path.ptr(), mode as libc::mode_t))) {
            Ok(_) => return Ok(()),
            Err(libc::EINTR) => crate::signal::check_signals(vm)?,
            Err(code) => return Err(path.error(vm, code)),
        }
    }
}

/// Makes a node in the file system: a file, a device, a pipe.
#[pyfunction(sig = "(path, mode=384, device=0, *, dir_fd=None)")]
pub fn mknod(path: Path, mode: i32, device: u64, dir_fd: Option<DirFd>, vm: &mut Vm) -> PyResult<()> {
    with_path(vm, &path, || sys!(libc::mknodat(at(dir_fd), path.ptr(), mode as libc::mode_t, device)))
}

/// Renames a file or directory.
#[pyfunction(sig = "(src, dst, *, src_dir_fd=None, dst_dir_fd=None)")]
pub fn rename(src: Path, dst: Path, src_dir_fd: Option<DirFd>, dst_dir_fd: Option<DirFd>, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.rename", src, dst, src_dir_fd, dst_dir_fd)?;
    with_two(vm, &src, &dst, || sys!(libc::renameat(at(src_dir_fd), src.ptr(), at(dst_dir_fd), dst.ptr())))
}

/// Renames a file or directory over an existing one.
#[pyfunction(sig = "(src, dst, *, src_dir_fd=None, dst_dir_fd=None)")]
pub fn replace(src: Path, dst: Path, src_dir_fd: Option<DirFd>, dst_dir_fd: Option<DirFd>, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.rename", src, dst, src_dir_fd, dst_dir_fd)?;
    with_two(vm, &src, &dst, || sys!(libc::renameat(at(src_dir_fd), src.ptr(), at(dst_dir_fd), dst.ptr())))
}

/// Makes a hard link.
#[pyfunction(sig = "(src, dst, *, src_dir_fd=None, dst_dir_fd=None, follow_symlinks=?)", text = "(src, dst, *, src_dir_fd=None, dst_dir_fd=None, follow_symlinks=(os.name != 'nt'))")]
pub fn link(src: Path, dst: Path, src_dir_fd: Option<DirFd>, dst_dir_fd: Option<DirFd>, follow_symlinks: Option<bool>, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.link", src, dst, src_dir_fd, dst_dir_fd)?;
    let flags = if follow_symlinks.unwrap_or(true) { libc::AT_SYMLINK_FOLLOW } else { 0 };
    with_two(vm, &src, &dst, || sys!(libc::linkat(at(src_dir_fd), src.ptr(), at(dst_dir_fd), dst.ptr(), flags)))
}

/// Makes a symbolic link to src named dst.
#[pyfunction(sig = "(src, dst, target_is_directory=False, *, dir_fd=None)")]
pub fn symlink(src: Path, dst: Path, target_is_directory: bool, dir_fd: Option<DirFd>, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.symlink", src, dst, dir_fd)?;
    let _ = target_is_directory;
    with_two(vm, &src, &dst, || sys!(libc::symlinkat(src.ptr(), at(dir_fd), dst.ptr())))
}

/// The path to which a symbolic link points.
#[pyfunction(sig = "(path, *, dir_fd=None)")]
pub fn readlink(path: Path, dir_fd: Option<DirFd>, vm: &mut Vm) -> PyResult {
    let mut buffer = vec![0u8; libc::PATH_MAX as usize + 1];
    match once(vm, || sys!(libc::readlinkat(at(dir_fd), path.ptr(), buffer.as_mut_ptr().cast(), buffer.len() - 1))) {
        Ok(n) => {
            buffer.truncate(n as usize);
            path.result(vm, &buffer)
        }
        Err(code) => Err(path.error(vm, code)),
    }
}

/// Whether the real (or effective) user may do to the path what mode says.
#[pyfunction(sig = "(path, mode, *, dir_fd=None, effective_ids=False, follow_symlinks=True)")]
pub fn access(path: Path, mode: i32, dir_fd: Option<DirFd>, effective_ids: bool, follow_symlinks: bool, vm: &mut Vm) -> PyResult<bool> {
    let mut flags = 0;
    if effective_ids {
        flags |= libc::AT_EACCESS;
    }
    if !follow_symlinks {
        flags |= libc::AT_SYMLINK_NOFOLLOW;
    }
    Ok(vm.allow_threads(|| sys!(libc::faccessat(at(dir_fd), path.ptr(), mode, flags))) == 0)
}

fn no_both(vm: &mut Vm, function: &str, fd: bool, dir_fd: bool, follow: bool) -> PyResult<()> {
    if fd && dir_fd {
        return Err(vm.value_error(format!("{function}: can't specify dir_fd without matching path")));
    }
    if fd && !follow {
        return Err(vm.value_error(format!("{function}: cannot use fd and follow_symlinks together")));
    }
    Ok(())
}

/// The same checks for `stat`.
pub fn check_fd_options(vm: &mut Vm, function: &str, fd: bool, dir_fd: bool, follow: bool) -> PyResult<()> {
    no_both(vm, function, fd, dir_fd, follow)
}

/// Changes a file's mode.
#[pyfunction(sig = "(path, mode, *, dir_fd=None, follow_symlinks=True)", text = "(path, mode, *, dir_fd=None, follow_symlinks=(os.name != 'nt'))")]
pub fn chmod(path: PathOrFd, mode: i32, dir_fd: Option<DirFd>, follow_symlinks: bool, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.chmod", path, mode, dir_fd)?;
    let mode = mode as libc::mode_t;
    match path.fd {
        Some(fd) => with_path(vm, &path, || sys!(libc::fchmod(fd, mode))),
        None if !follow_symlinks => match once(vm, || sys!(libc::fchmodat(at(dir_fd), path.ptr(), mode, libc::AT_SYMLINK_NOFOLLOW))) {
            Ok(_) => Ok(()),
            // The system does not do this for symbolic links.
            Err(libc::ENOTSUP) if dir_fd.is_some() => Err(vm.value_error("chmod: cannot use dir_fd and follow_symlinks together")),
            Err(libc::ENOTSUP) => Err(vm.not_implemented_error("chmod: follow_symlinks unavailable on this platform")),
            Err(code) => Err(path.error(vm, code)),
        },
        None => with_path(vm, &path, || sys!(libc::fchmodat(at(dir_fd), path.ptr(), mode, 0))),
    }
}

/// Changes the mode of an open file.
#[pyfunction(sig = "(fd, mode)")]
pub fn fchmod(fd: i32, mode: i32, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.chmod", fd, mode, -1i32)?;
    oserror::call(vm, || sys!(libc::fchmod(fd, mode as libc::mode_t))).map(drop)
}

/// A user or group id argument; -1 says "leave it".
#[derive(Clone, Copy)]
pub struct Id(pub u32);

impl<'a> krait_runtime::args::FromArg<'a> for Id {
    fn from_arg(vm: &mut Vm, value: &'a Value, info: krait_runtime::args::ArgInfo) -> PyResult<Id> {
        let what = if info.spec.params.get(info.index).is_some_and(|p| p.name.contains("gid")) { "gid" } else { "uid" };
        id(vm, value, what).map(Id)
    }
}

/// Converts a user or group id.
pub fn id(vm: &mut Vm, value: &Value, what: &str) -> PyResult<u32> {
    if value.ty().slots.nb_index.get().is_none() {
        let got = value.type_name();
        return Err(vm.type_error(format!("{what} should be integer, not {got}")));
    }
    let index = vm.index(value)?;
    match vm.int_as_i128(&index) {
        Some(-1) => Ok(u32::MAX),
        Some(i) => match u32::try_from(i) {
            Ok(i) if i != u32::MAX => Ok(i),
            _ if i < 0 => Err(vm.overflow_error(format!("{what} is less than minimum"))),
            _ => Err(vm.overflow_error(format!("{what} is greater than maximum"))),
        },
        None if vm.int_is_negative(&index) => Err(vm.overflow_error(format!("{what} is less than minimum"))),
        None => Err(vm.overflow_error(format!("{what} is greater than maximum"))),
    }
}

/// Changes a file's owner and group.
#[pyfunction(sig = "(path, uid, gid, *, dir_fd=None, follow_symlinks=True)")]
pub fn chown(path: PathOrFd, uid: Id, gid: Id, dir_fd: Option<DirFd>, follow_symlinks: bool, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.chown", path, uid, gid, dir_fd)?;
    no_both(vm, "chown", path.fd.is_some(), dir_fd.is_some(), follow_symlinks)?;
    let flags = if follow_symlinks { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    match path.fd {
        Some(fd) => with_path(vm, &path, || sys!(libc::fchown(fd, uid.0, gid.0))),
        None => with_path(vm, &path, || sys!(libc::fchownat(at(dir_fd), path.ptr(), uid.0, gid.0, flags))),
    }
}

/// Changes the owner and group of an open file.
#[pyfunction(sig = "(fd, uid, gid)")]
pub fn fchown(fd: i32, uid: Id, gid: Id, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.chown", fd, uid, gid, -1i32)?;
    oserror::call(vm, || sys!(libc::fchown(fd, uid.0, gid.0))).map(drop)
}

/// Changes owner and group of a file, not following symbolic links.
#[pyfunction(sig = "(path, uid, gid)")]
pub fn lchown(path: Path, uid: Id, gid: Id, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.chown", path, uid, gid, -1i32)?;
    with_path(vm, &path, || sys!(libc::lchown(path.ptr(), uid.0, gid.0)))
}

/// Changes the current directory.
#[pyfunction(sig = "(path)")]
pub fn chdir(path: PathOrFd, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.chdir", path)?;
    match path.fd {
        Some(fd) => with_path(vm, &path, || sys!(libc::fchdir(fd))),
        None => with_path(vm, &path, || sys!(libc::chdir(path.ptr()))),
    }
}

/// Changes the current directory to an open one.
#[pyfunction(sig = "(fd)")]
pub fn fchdir(fd: FileNo, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.chdir", fd.0)?;
    oserror::call(vm, || sys!(libc::fchdir(fd.0))).map(drop)
}

/// Changes the root directory.
#[pyfunction(sig = "(path)")]
pub fn chroot(path: Path, vm: &mut Vm) -> PyResult<()> {
    with_path(vm, &path, || sys!(libc::chroot(path.ptr())))
}

fn current_directory(vm: &mut Vm) -> PyResult<Vec<u8>> {
    let mut buffer = vec![0u8; 1024];
    loop {
        let done = vm.allow_threads(|| {
            let p = sys!(libc::getcwd(buffer.as_mut_ptr().cast(), buffer.len()));
            if p.is_null() { Err(errno()) } else { Ok(()) }
        });
        match done {
            Ok(()) => {
                let end = buffer.iter().position(|&b| b == 0).unwrap_or(buffer.len());
                buffer.truncate(end);
                return Ok(buffer);
            }
            Err(libc::ERANGE) if buffer.len() < 1 << 20 => buffer.resize(buffer.len() * 2, 0),
            Err(code) => return Err(oserror::os_error(vm, code)),
        }
    }
}

/// The current directory.
#[pyfunction]
pub fn getcwd(vm: &mut Vm) -> PyResult {
    let bytes = current_directory(vm)?;
    Ok(fspath::fsdecode(vm, &bytes)?.into_value())
}

/// The current directory as bytes.
#[pyfunction]
pub fn getcwdb(vm: &mut Vm) -> PyResult {
    let bytes = current_directory(vm)?;
    Ok(vm.new_bytes(&bytes)?.into_value())
}

/// Sets the mask of new files' modes and returns the old one.
#[pyfunction(sig = "(mask, /)")]
pub fn umask(mask: i32) -> i32 {
    sys!(libc::umask(mask as libc::mode_t)) as i32
}

/// A file system path's text: str and bytes as they are, else what __fspath__() gives.
#[pyfunction(name = "fspath", sig = "(path)")]
pub fn fspath_(path: &Value, vm: &mut Vm) -> PyResult {
    fspath::fspath(vm, path)
}

/// Cuts a file, given by path or descriptor, to length bytes.
#[pyfunction(sig = "(path, length)")]
pub fn truncate(path: PathOrFd, length: i64, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.truncate", path, length)?;
    match path.fd {
        Some(fd) => oserror::call(vm, || sys!(libc::ftruncate(fd, length))).map(drop),
        None => with_path(vm, &path, || sys!(libc::truncate(path.ptr(), length))),
    }
}

fn time_pair(vm: &mut Vm, seconds: &Value) -> PyResult<libc::timespec> {
    if krait_runtime::types::float::float_value(seconds).is_none() && seconds.ty().slots.nb_index.get().is_none() {
        let got = seconds.type_name();
        return Err(vm.type_error(format!("argument must be int or float, not {got}")));
    }
    let nanos = crate::time::to_nanos(vm, seconds, crate::time::Round::Floor)?;
    Ok(timespec(nanos))
}

fn timespec(nanos: i128) -> libc::timespec {
    libc::timespec { tv_sec: nanos.div_euclid(1_000_000_000) as i64, tv_nsec: nanos.rem_euclid(1_000_000_000) as i64 }
}

fn pair<'a>(vm: &mut Vm, value: &'a Value, what: &str) -> PyResult<&'a [Value]> {
    match value.downcast::<Tuple>() {
        Some(t) if t.len() == 2 => Ok(t.items()),
        _ => Err(vm.type_error(format!("utime: {what}"))),
    }
}

fn from_nanos(vm: &mut Vm, value: &Value) -> PyResult<libc::timespec> {
    if !value.is::<Int>() {
        let got = value.type_name();
        return Err(vm.type_error(format!("'{got}' object cannot be interpreted as an integer")));
    }
    match IntRef::new(value).and_then(|i| i.to_i128()).filter(|n| i64::try_from(n.div_euclid(1_000_000_000)).is_ok()) {
        Some(n) => Ok(timespec(n)),
        None => Err(vm.overflow_error("Python int too large to convert to C long")),
    }
}

/// Sets a file's access and modification times, in seconds or nanoseconds; now without either.
#[pyfunction(sig = "(path, times=None, *, ns=?, dir_fd=None, follow_symlinks=True)")]
pub fn utime(path: PathOrFd, times: Value, ns: Option<Value>, dir_fd: Option<DirFd>, follow_symlinks: bool, vm: &mut Vm) -> PyResult<()> {
    if !times.is_none() && ns.is_some() {
        return Err(vm.value_error("utime: you may specify either 'times' or 'ns' but not both"));
    }
    let now = libc::timespec { tv_sec: 0, tv_nsec: libc::UTIME_NOW };
    let spec = if !times.is_none() {
        let [a, m] = pair(vm, &times, "'times' must be either a tuple of two ints or None")? else { return Ok(()) };
        [time_pair(vm, a)?, time_pair(vm, m)?]
    } else if let Some(ns) = &ns {
        let [a, m] = pair(vm, ns, "'ns' must be a tuple of two ints")? else { return Ok(()) };
        [from_nanos(vm, a)?, from_nanos(vm, m)?]
    } else {
        [now, now]
    };
    no_both(vm, "utime", path.fd.is_some(), dir_fd.is_some(), follow_symlinks)?;
    let flags = if follow_symlinks { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
    match path.fd {
        Some(fd) => with_path(vm, &path, || sys!(libc::futimens(fd, spec.as_ptr()))),
        None => with_path(vm, &path, || sys!(libc::utimensat(at(dir_fd), path.ptr(), spec.as_ptr(), flags))),
    }
}

/// A device number, or a part of one; -1, all bits set, stands for no device.
fn device_bits(vm: &mut Vm, value: &Value, bits: u32) -> PyResult<u64> {
    let index = vm.index(value)?;
    let all = u64::MAX >> (64 - bits);
    match vm.int_as_i128(&index) {
        Some(-1) => Ok(all),
        Some(n) if n < 0 => Err(vm.overflow_error("can't convert negative int to unsigned")),
        n => match n.and_then(|n| u64::try_from(n).ok()).filter(|&n| n <= all) {
            Some(n) => Ok(n),
            None if bits == 64 => Err(vm.overflow_error("int too big to convert")),
            None => Err(vm.overflow_error("Python int too large to convert to C unsigned int")),
        },
    }
}

fn part_of_device(vm: &mut Vm, part: u32) -> PyResult {
    if part == u32::MAX { vm.new_int(-1) } else { vm.new_int(part) }
}

/// The device number of major and minor numbers.
#[pyfunction(sig = "(major, minor, /)")]
pub fn makedev(major: &Value, minor: &Value, vm: &mut Vm) -> PyResult {
    let (major, minor) = (device_bits(vm, major, 32)? as u32, device_bits(vm, minor, 32)? as u32);
    match libc::makedev(major, minor) {
        u64::MAX => vm.new_int(-1),
        device => vm.new_int(device),
    }
}

/// The major number of a device number.
#[pyfunction(sig = "(device, /)")]
pub fn major(device: &Value, vm: &mut Vm) -> PyResult {
    let device = device_bits(vm, device, 64)?;
    part_of_device(vm, libc::major(device))
}

/// The minor number of a device number.
#[pyfunction(sig = "(device, /)")]
pub fn minor(device: &Value, vm: &mut Vm) -> PyResult {
    let device = device_bits(vm, device, 64)?;
    part_of_device(vm, libc::minor(device))
}

/// The names of a path's parts: drive (always empty), root, rest.
#[pyfunction(sig = "(p)")]
pub fn _path_splitroot_ex(p: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let path = fspath::fspath(vm, p)?;
    let bytes = path.downcast::<krait_runtime::types::bytes::Bytes>().cloned();
    if let Some(bytes) = bytes {
        let cut = root_len(bytes.as_bytes().iter().map(|&b| u32::from(b)));
        let (root, rest) = bytes.as_bytes().split_at(cut);
        let parts = vec![vm.new_bytes(b"")?.into_value(), vm.new_bytes(root)?.into_value(), vm.new_bytes(rest)?.into_value()];
        return vm.new_tuple(parts);
    }
    let Some(s) = path.downcast::<krait_runtime::types::str_::Str>() else { return vm.new_tuple(Vec::new()) };
    let cut = root_len(s.chars());
    let empty = vm.new_str("")?.into_value();
    let root = vm.new_str_data(s.data().slice(0, cut))?.into_value();
    let rest = vm.new_str_data(s.data().slice(cut, s.len()))?.into_value();
    vm.new_tuple(vec![empty, root, rest])
}

/// Two slashes are a root of their own, three and more are one slash.
fn root_len(chars: impl Iterator<Item = u32>) -> usize {
    let slashes = chars.take(3).take_while(|&c| c == 47).count();
    match slashes {
        0 => 0,
        2 => 2,
        _ => 1,
    }
}

/// The path without empty parts, "." and what ".." takes back.
#[pyfunction(sig = "(path)")]
pub fn _path_normpath(path: &Value, vm: &mut Vm) -> PyResult {
    let object = fspath::fspath(vm, path)?;
    if let Some(bytes) = object.downcast::<krait_runtime::types::bytes::Bytes>() {
        let chars: Vec<u32> = bytes.as_bytes().iter().map(|&b| u32::from(b)).collect();
        let out: Vec<u8> = normalize(&chars).into_iter().map(|c| c as u8).collect();
        return Ok(vm.new_bytes(&out)?.into_value());
    }
    let Some(s) = object.downcast::<krait_runtime::types::str_::Str>() else { return Ok(object) };
    let chars: Vec<u32> = s.chars().collect();
    Ok(vm.new_str_ucs4(&normalize(&chars))?.into_value())
}

fn normalize(path: &[u32]) -> Vec<u32> {
    let (slash, dot) = (47, 46);
    if path.is_empty() {
        return vec![dot];
    }
    let root = root_len(path.iter().copied());
    let mut parts: Vec<&[u32]> = Vec::new();
    for part in path.get(root..).unwrap_or_default().split(|&c| c == slash) {
        match part {
            [] => {}
            [a] if *a == dot => {}
            [a, b] if *a == dot && *b == dot => match parts.last() {
                Some(last) if *last != [dot, dot] => drop(parts.pop()),
                None if root > 0 => {}
                _ => parts.push(part),
            },
            _ => parts.push(part),
        }
    }
    let mut out = vec![slash; root];
    out.extend(parts.join(&slash));
    if out.is_empty() { vec![dot] } else { out }
}

#[cfg(test)]
mod tests {
    use super::normalize;

    #[test]
    fn paths_are_normalized() {
        let check = |from: &str, to: &str| {
            let chars: Vec<u32> = from.chars().map(u32::from).collect();
            let out: String = normalize(&chars).into_iter().filter_map(char::from_u32).collect();
            assert_eq!(out, to, "{from}");
        };
        check("", ".");
        check("/", "/");
        check("//", "//");
        check("///", "/");
        check("a/../..", "..");
        check("/../a", "/a");
        check("a//b/./c/", "a/b/c");
        check("../../a", "../../a");
    }
}
