//! Descriptors: opening, reading, writing, seeking, duplicating, and what else can be done to open files.
#![allow(unsafe_code, reason = "system calls")]

use crate::audit::audit;
use crate::fspath::{Data, DirFd, FileNo, Path, at};
use crate::oserror::{self, check, retry, sys};
use crate::posix::TERMINAL_SIZE;
use krait_runtime::protocol::buffer::{Buffer, flags};
use krait_runtime::types::structseq;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{PyResult, Value, Vm, pyfunction};

/// The most that one read or write is asked for.
pub const IO_MAX: usize = isize::MAX as usize & !0xfff;

/// Opens a file and returns its descriptor, which is not inheritable.
#[pyfunction(sig = "(path, flags, mode=511, *, dir_fd=None)")]
pub fn open(path: Path, flags: i32, mode: i32, dir_fd: Option<DirFd>, vm: &mut Vm) -> PyResult<i32> {
    audit!(vm, "open", path, krait_runtime::Value::none(), flags)?;
    match retry(vm, || sys!(libc::openat(at(dir_fd), path.ptr(), flags | libc::O_CLOEXEC, mode as libc::c_uint)))? {
        Ok(fd) => Ok(fd),
        Err(code) => Err(path.error(vm, code)),
    }
}

/// Closes a descriptor.
#[pyfunction(sig = "(fd)")]
pub fn close(fd: i32, vm: &mut Vm) -> PyResult<()> {
    // Interrupted or not, the descriptor is gone.
    match oserror::once(vm, || sys!(libc::close(fd))) {
        Ok(_) | Err(libc::EINTR) => Ok(()),
        Err(code) => Err(oserror::os_error(vm, code)),
    }
}

/// Closes the descriptors from fd_low up to fd_high, ignoring errors.
#[pyfunction(sig = "(fd_low, fd_high, /)")]
pub fn closerange(fd_low: i32, fd_high: i32, vm: &mut Vm) {
    vm.allow_threads(|| close_range(fd_low, fd_high));
}

/// Closes the descriptors from `low` up to `high`.
pub fn close_range(low: i32, high: i32) {
    let low = low.max(0);
    if high <= low {
        return;
    }
    if sys!(libc::syscall(libc::SYS_close_range, low as libc::c_uint, (high - 1) as libc::c_uint, 0)) != 0 {
        let limit = sys!(libc::sysconf(libc::_SC_OPEN_MAX)).clamp(256, 1 << 20) as i32;
        for fd in low..high.min(limit) {
            sys!(libc::close(fd));
        }
    }
}

/// Duplicates a descriptor; the copy is not inheritable.
#[pyfunction(sig = "(fd, /)")]
pub fn dup(fd: i32, vm: &mut Vm) -> PyResult<i32> {
    let copy = sys!(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0));
    check(vm, copy)
}

/// Duplicates a descriptor to the number fd2.
#[pyfunction(sig = "(fd, fd2, inheritable=True)")]
pub fn dup2(fd: i32, fd2: i32, inheritable: bool, vm: &mut Vm) -> PyResult<i32> {
    if fd < 0 || fd2 < 0 {
        return Err(oserror::os_error(vm, libc::EBADF));
    }
    let flags = if inheritable || fd == fd2 { 0 } else { libc::O_CLOEXEC };
    oserror::call_once(vm, || if fd == fd2 { sys!(libc::dup2(fd, fd2)) } else { sys!(libc::dup3(fd, fd2, flags)) })
}

/// Reads up to length bytes.
#[pyfunction(sig = "(fd, length, /)")]
pub fn read(fd: i32, length: isize, vm: &mut Vm) -> PyResult {
    let Ok(length) = usize::try_from(length) else { return Err(oserror::os_error(vm, libc::EINVAL)) };
    let mut buffer = buffer_of(vm, length.min(IO_MAX))?;
    let n = oserror::call(vm, || sys!(libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len())))?;
    buffer.truncate(n as usize);
    Ok(vm.new_bytes(&buffer)?.into_value())
}

/// Zeroed memory; MemoryError if there is none.
pub fn buffer_of(vm: &mut Vm, length: usize) -> PyResult<Vec<u8>> {
    let mut buffer = Vec::new();
    if buffer.try_reserve_exact(length).is_err() {
        return Err(vm.memory_error());
    }
    buffer.resize(length, 0);
    Ok(buffer)
}

/// The memory of a writable bytes-like object.
pub fn writable(vm: &mut Vm, object: &Value) -> PyResult<Buffer> {
    let failed = match vm.buffer(object, flags::WRITABLE) {
        Ok(buffer) if buffer.is_c_contiguous() => return Ok(buffer),
        Ok(buffer) => {
            buffer.release(vm);
            true
        }
        Err(e) if vm.is_raised::<krait_runtime::types::exceptions::BufferError>(&e) => true,
        Err(e) if vm.is_raised::<krait_runtime::types::exceptions::TypeError>(&e) => true,
        Err(e) => return Err(e),
    };
    debug_assert!(failed);
    let got = object.type_name();
    Err(vm.type_error(format!("read-write bytes-like object expected, not {got}")))
}

/// Puts `data` at the beginning of the buffer's items, as many as fit.
pub fn fill(vm: &mut Vm, buffer: &Buffer, data: &[u8]) {
    let start = usize::try_from(buffer.offset).unwrap_or(usize::MAX);
    let len = data.len().min(buffer.len_bytes());
    if let Some(target) = (buffer.ops.bytes_mut)(vm, &buffer.owner).and_then(|m| m.get_mut(start..start.checked_add(len)?)) {
        target.copy_from_slice(data.get(..len).unwrap_or_default());
    }
}

/// Reads into a writable buffer and returns the number of bytes read.
#[pyfunction(sig = "(fd, buffer, /)")]
pub fn readinto(fd: i32, buffer: &Value, vm: &mut Vm) -> PyResult<isize> {
    let target = match writable(vm, buffer) {
        Ok(t) => t,
        Err(_) => {
            let got = buffer.type_name();
            return Err(vm.type_error(format!("readinto() argument 2 must be read-write bytes-like object, not {got}")));
        }
    };
    let result = read_into(vm, fd, &target);
    target.release(vm);
    result
}

fn read_into(vm: &mut Vm, fd: i32, target: &Buffer) -> PyResult<isize> {
    let mut data = buffer_of(vm, target.len_bytes().min(IO_MAX))?;
    let n = oserror::call(vm, || sys!(libc::read(fd, data.as_mut_ptr().cast(), data.len())))?;
    fill(vm, target, data.get(..n as usize).unwrap_or_default());
    Ok(n)
}

/// Writes bytes and returns how many were written.
#[pyfunction(sig = "(fd, data, /)")]
pub fn write(fd: i32, data: Data, vm: &mut Vm) -> PyResult<isize> {
    oserror::call(vm, || sys!(libc::write(fd, data.0.as_ptr().cast(), data.0.len().min(IO_MAX))))
}

/// Reads up to length bytes at a position; the file's own position stays.
#[pyfunction(sig = "(fd, length, offset, /)")]
pub fn pread(fd: i32, length: isize, offset: i64, vm: &mut Vm) -> PyResult {
    let Ok(length) = usize::try_from(length) else { return Err(oserror::os_error(vm, libc::EINVAL)) };
    let mut buffer = buffer_of(vm, length)?;
    let n = oserror::call(vm, || sys!(libc::pread(fd, buffer.as_mut_ptr().cast(), buffer.len(), offset)))?;
    buffer.truncate(n as usize);
    Ok(vm.new_bytes(&buffer)?.into_value())
}

/// Writes bytes at a position; the file's own position stays.
#[pyfunction(sig = "(fd, buffer, offset, /)")]
pub fn pwrite(fd: i32, buffer: Data, offset: i64, vm: &mut Vm) -> PyResult<isize> {
    oserror::call(vm, || sys!(libc::pwrite(fd, buffer.0.as_ptr().cast(), buffer.0.len(), offset)))
}

fn gather(vm: &mut Vm, function: &str, arg: usize, buffers: &Value) -> PyResult<Vec<Vec<u8>>> {
    if !is_sequence(buffers) {
        return Err(vm.type_error(format!("{function}() arg {arg} must be a sequence")));
    }
    let mut parts = Vec::new();
    for item in vm.collect(buffers)? {
        parts.push(vm.bytes_of(&item)?);
    }
    Ok(parts)
}

/// Whether items can be asked for by position.
pub fn is_sequence(value: &Value) -> bool {
    let slots = &value.ty().slots;
    !value.is::<krait_runtime::types::dict::Dict>() && (slots.item.get().is_some() || slots.getitem.get().is_some())
}

fn iovecs(parts: &[Vec<u8>]) -> Vec<libc::iovec> {
    parts.iter().map(|p| libc::iovec { iov_base: p.as_ptr().cast_mut().cast(), iov_len: p.len() }).collect()
}

/// Writes the contents of bytes-like objects one after the other.
#[pyfunction(sig = "(fd, buffers, /)")]
pub fn writev(fd: i32, buffers: &Value, vm: &mut Vm) -> PyResult<isize> {
    let parts = gather(vm, "writev", 2, buffers)?;
    let vecs = iovecs(&parts);
    oserror::call(vm, || sys!(libc::writev(fd, vecs.as_ptr(), vecs.len() as i32)))
}

/// writev() at a position.
#[pyfunction(sig = "(fd, buffers, offset, flags=0, /)")]
pub fn pwritev(fd: i32, buffers: &Value, offset: i64, flags: i32, vm: &mut Vm) -> PyResult<isize> {
    let parts = gather(vm, "pwritev", 2, buffers)?;
    let vecs = iovecs(&parts);
    oserror::call(vm, || sys!(libc::pwritev2(fd, vecs.as_ptr(), vecs.len() as i32, offset, flags)))
}

fn scatter(vm: &mut Vm, function: &str, buffers: &Value, f: impl Fn(&[libc::iovec]) -> isize) -> PyResult<isize> {
    if !is_sequence(buffers) {
        return Err(vm.type_error(format!("{function}() arg 2 must be a sequence")));
    }
    let mut targets = Vec::new();
    for item in vm.collect(buffers)? {
        targets.push(writable(vm, &item)?);
    }
    let mut parts = Vec::new();
    for target in &targets {
        parts.push(buffer_of(vm, target.len_bytes())?);
    }
    let vecs: Vec<libc::iovec> = parts.iter_mut().map(|p| libc::iovec { iov_base: p.as_mut_ptr().cast(), iov_len: p.len() }).collect();
    let result = oserror::call(vm, || f(&vecs));
    let mut left = result.as_ref().map_or(0, |&n| n.max(0) as usize);
    for (target, part) in targets.into_iter().zip(&parts) {
        let n = part.len().min(left);
        fill(vm, &target, part.get(..n).unwrap_or_default());
        left -= n;
        target.release(vm);
    }
    result
}

/// Reads into writable buffers one after the other.
#[pyfunction(sig = "(fd, buffers, /)")]
pub fn readv(fd: i32, buffers: &Value, vm: &mut Vm) -> PyResult<isize> {
    scatter(vm, "readv", buffers, |v| sys!(libc::readv(fd, v.as_ptr(), v.len() as i32)))
}

/// readv() at a position.
#[pyfunction(sig = "(fd, buffers, offset, flags=0, /)")]
pub fn preadv(fd: i32, buffers: &Value, offset: i64, flags: i32, vm: &mut Vm) -> PyResult<isize> {
    scatter(vm, "preadv", buffers, |v| sys!(libc::preadv2(fd, v.as_ptr(), v.len() as i32, offset, flags)))
}

/// Sets the position of a descriptor and returns it, counted from the start.
#[pyfunction(sig = "(fd, position, whence, /)")]
pub fn lseek(fd: i32, position: i64, whence: i32, vm: &mut Vm) -> PyResult<i64> {
    oserror::call_once(vm, || sys!(libc::lseek(fd, position, whence)))
}

/// Cuts an open file to length bytes.
#[pyfunction(sig = "(fd, length, /)")]
pub fn ftruncate(fd: i32, length: i64, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.truncate", fd, length)?;
    oserror::call(vm, || sys!(libc::ftruncate(fd, length))).map(drop)
}

/// Writes a file's data to the disk.
#[pyfunction(sig = "(fd)")]
pub fn fsync(fd: FileNo, vm: &mut Vm) -> PyResult<()> {
    oserror::call(vm, || sys!(libc::fsync(fd.0))).map(drop)
}

/// Writes a file's data to the disk, without what is not needed to read it.
#[pyfunction(sig = "(fd)")]
pub fn fdatasync(fd: FileNo, vm: &mut Vm) -> PyResult<()> {
    oserror::call(vm, || sys!(libc::fdatasync(fd.0))).map(drop)
}

/// Writes everything to the disks.
#[pyfunction]
pub fn sync(vm: &mut Vm) {
    vm.allow_threads(|| sys!(libc::sync()));
}

/// Whether the descriptor is a terminal.
#[pyfunction(sig = "(fd, /)")]
pub fn isatty(fd: i32) -> bool {
    sys!(libc::isatty(fd)) == 1
}

/// Makes a pipe: the descriptors to read and to write, not inheritable.
#[pyfunction]
pub fn pipe(vm: &mut Vm) -> PyResult {
    pipe2(libc::O_CLOEXEC, vm)
}

/// Makes a pipe with these flags.
#[pyfunction(sig = "(flags, /)")]
pub fn pipe2(flags: i32, vm: &mut Vm) -> PyResult {
    let mut fds = [0i32; 2];
    let result = sys!(libc::pipe2(fds.as_mut_ptr(), flags));
    check(vm, result)?;
    Ok(vm.new_tuple(vec![Value::from_i32(fds[0]), Value::from_i32(fds[1])])?.into_value())
}

/// Whether children inherit the descriptor.
#[pyfunction(sig = "(fd, /)")]
pub fn get_inheritable(fd: i32, vm: &mut Vm) -> PyResult<bool> {
    let flags = sys!(libc::fcntl(fd, libc::F_GETFD));
    Ok(check(vm, flags)? & libc::FD_CLOEXEC == 0)
}

/// Says whether children inherit the descriptor.
#[pyfunction(sig = "(fd, inheritable, /)")]
pub fn set_inheritable(fd: i32, inheritable: i32, vm: &mut Vm) -> PyResult<()> {
    let flags = sys!(libc::fcntl(fd, libc::F_GETFD));
    let flags = check(vm, flags)?;
    let wanted = if inheritable != 0 { flags & !libc::FD_CLOEXEC } else { flags | libc::FD_CLOEXEC };
    let result = sys!(libc::fcntl(fd, libc::F_SETFD, wanted));
    check(vm, result).map(drop)
}

/// Whether operations on the descriptor wait.
#[pyfunction(sig = "(fd, /)")]
pub fn get_blocking(fd: i32, vm: &mut Vm) -> PyResult<bool> {
    let flags = sys!(libc::fcntl(fd, libc::F_GETFL));
    Ok(check(vm, flags)? & libc::O_NONBLOCK == 0)
}

/// Says whether operations on the descriptor wait.
#[pyfunction(sig = "(fd, blocking, /)")]
pub fn set_blocking(fd: i32, blocking: bool, vm: &mut Vm) -> PyResult<()> {
    let flags = sys!(libc::fcntl(fd, libc::F_GETFL));
    let flags = check(vm, flags)?;
    let wanted = if blocking { flags & !libc::O_NONBLOCK } else { flags | libc::O_NONBLOCK };
    let result = sys!(libc::fcntl(fd, libc::F_SETFL, wanted));
    check(vm, result).map(drop)
}

/// Columns and lines of the terminal.
#[pyfunction(sig = "(fd=?, /)")]
pub fn get_terminal_size(fd: Option<i32>, vm: &mut Vm) -> PyResult {
    // SAFETY: all fields are numbers.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    let result = sys!(libc::ioctl(fd.unwrap_or(1), libc::TIOCGWINSZ, &raw mut size));
    check(vm, result)?;
    structseq::new(vm, &TERMINAL_SIZE, vec![Value::from_i32(i32::from(size.ws_col)), Value::from_i32(i32::from(size.ws_row))])
}

/// The name of the terminal's encoding; None if the descriptor is no terminal.
#[pyfunction(sig = "(fd)")]
pub fn device_encoding(fd: i32, vm: &mut Vm) -> PyResult {
    if sys!(libc::isatty(fd)) != 1 {
        return Ok(Value::none());
    }
    Ok(vm.new_str("utf-8")?.into_value())
}

/// Copies bytes from one descriptor to another within the system.
#[pyfunction(sig = "(out_fd, in_fd, offset, count)")]
pub fn sendfile(out_fd: i32, in_fd: i32, offset: Option<i64>, count: isize, vm: &mut Vm) -> PyResult<isize> {
    let count = usize::try_from(count).unwrap_or(0);
    let mut at = offset.unwrap_or(0);
    let given = offset.is_some();
    oserror::call(vm, || {
        let p = if given { &raw mut at } else { std::ptr::null_mut() };
        sys!(libc::sendfile(out_fd, in_fd, p, count))
    })
}

/// Copies bytes from one file to another within the system.
#[pyfunction(sig = "(src, dst, count, offset_src=None, offset_dst=None)")]
pub fn copy_file_range(src: i32, dst: i32, count: isize, offset_src: Option<i64>, offset_dst: Option<i64>, vm: &mut Vm) -> PyResult<isize> {
    let Ok(count) = usize::try_from(count) else { return Err(vm.value_error("negative value for 'count' not allowed")) };
    let (mut a, mut b) = (offset_src.unwrap_or(0), offset_dst.unwrap_or(0));
    oserror::call(vm, || {
        let pa = if offset_src.is_some() { &raw mut a } else { std::ptr::null_mut() };
        let pb = if offset_dst.is_some() { &raw mut b } else { std::ptr::null_mut() };
        sys!(libc::copy_file_range(src, pa, dst, pb, count, 0))
    })
}

/// Moves bytes between a pipe and another descriptor within the system.
#[pyfunction(sig = "(src, dst, count, offset_src=None, offset_dst=None, flags=0)")]
pub fn splice(src: i32, dst: i32, count: isize, offset_src: Option<i64>, offset_dst: Option<i64>, flags: u32, vm: &mut Vm) -> PyResult<isize> {
    let Ok(count) = usize::try_from(count) else { return Err(vm.value_error("negative value for 'count' not allowed")) };
    let (mut a, mut b) = (offset_src.unwrap_or(0), offset_dst.unwrap_or(0));
    oserror::call(vm, || {
        let pa = if offset_src.is_some() { &raw mut a } else { std::ptr::null_mut() };
        let pb = if offset_dst.is_some() { &raw mut b } else { std::ptr::null_mut() };
        sys!(libc::splice(src, pa, dst, pb, count, flags))
    })
}

/// Locks, tests or unlocks a part of a file.
#[pyfunction(sig = "(fd, command, length, /)")]
pub fn lockf(fd: i32, command: i32, length: i64, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "os.lockf", fd, command, length)?;
    oserror::call_once(vm, || sys!(libc::lockf(fd, command, length))).map(drop)
}

/// Tells the system how a part of a file will be used.
#[pyfunction(sig = "(fd, offset, length, advice, /)")]
pub fn posix_fadvise(fd: i32, offset: i64, length: i64, advice: i32, vm: &mut Vm) -> PyResult<()> {
    match vm.allow_threads(|| sys!(libc::posix_fadvise(fd, offset, length, advice))) {
        0 => Ok(()),
        code => Err(oserror::os_error(vm, code)),
    }
}

/// Makes sure that there is room for a part of a file.
#[pyfunction(sig = "(fd, offset, length, /)")]
pub fn posix_fallocate(fd: i32, offset: i64, length: i64, vm: &mut Vm) -> PyResult<()> {
    match vm.allow_threads(|| sys!(libc::posix_fallocate(fd, offset, length))) {
        0 => Ok(()),
        code => Err(oserror::os_error(vm, code)),
    }
}

/// Makes an anonymous file in memory.
#[pyfunction(sig = "(name, flags=?)", text = "(name, flags=MFD_CLOEXEC)")]
pub fn memfd_create(name: &Value, flags: Option<u32>, vm: &mut Vm) -> PyResult<i32> {
    let name = crate::fspath::fs_bytes(vm, name)?;
    oserror::call_once(vm, || sys!(libc::memfd_create(name.as_ptr(), flags.unwrap_or(libc::MFD_CLOEXEC))))
}

/// Makes a descriptor that counts events.
#[pyfunction(sig = "(initval, flags=?)", text = "(initval, flags=EFD_CLOEXEC)")]
pub fn eventfd(initval: u32, flags: Option<i32>, vm: &mut Vm) -> PyResult<i32> {
    oserror::call_once(vm, || sys!(libc::eventfd(initval, flags.unwrap_or(libc::EFD_CLOEXEC))))
}

/// The number of events counted.
#[pyfunction(sig = "(fd)")]
pub fn eventfd_read(fd: i32, vm: &mut Vm) -> PyResult<u64> {
    let mut value = 0u64;
    oserror::call_once(vm, || sys!(libc::read(fd, (&raw mut value).cast(), 8)))?;
    Ok(value)
}

/// Counts events.
#[pyfunction(sig = "(fd, value)")]
pub fn eventfd_write(fd: i32, value: u64, vm: &mut Vm) -> PyResult<()> {
    oserror::call_once(vm, || sys!(libc::write(fd, (&raw const value).cast(), 8))).map(drop)
}

/// Makes a pseudo-terminal: its two descriptors.
#[pyfunction]
pub fn openpty(vm: &mut Vm) -> PyResult {
    let (mut a, mut b) = (-1, -1);
    let null = std::ptr::null_mut();
    let result = sys!(libc::openpty(&raw mut a, &raw mut b, null, std::ptr::null(), std::ptr::null()));
    check(vm, result)?;
    for fd in [a, b] {
        set_inheritable(fd, 0, vm)?;
    }
    Ok(vm.new_tuple(vec![Value::from_i32(a), Value::from_i32(b)])?.into_value())
}

/// The name of the terminal behind a descriptor.
#[pyfunction(sig = "(fd, /)")]
pub fn ttyname(fd: i32, vm: &mut Vm) -> PyResult {
    let mut buffer = vec![0u8; 1024];
    match sys!(libc::ttyname_r(fd, buffer.as_mut_ptr().cast(), buffer.len())) {
        0 => {
            let end = buffer.iter().position(|&b| b == 0).unwrap_or(0);
            Ok(crate::fspath::fsdecode(vm, buffer.get(..end).unwrap_or_default())?.into_value())
        }
        code => Err(oserror::os_error(vm, code)),
    }
}

/// The process group in a terminal's foreground.
#[pyfunction(sig = "(fd, /)")]
pub fn tcgetpgrp(fd: i32, vm: &mut Vm) -> PyResult<i32> {
    let result = sys!(libc::tcgetpgrp(fd));
    check(vm, result)
}

/// Brings a process group to a terminal's foreground.
#[pyfunction(sig = "(fd, pgid, /)")]
pub fn tcsetpgrp(fd: i32, pgid: i32, vm: &mut Vm) -> PyResult<()> {
    let result = sys!(libc::tcsetpgrp(fd, pgid));
    check(vm, result).map(drop)
}
