//! `sys.remote_exec`: asking another process of this interpreter to run a script.
//!
//! Every process has a [`Mailbox`] at a fixed place of the program's writable data. Whoever may trace a process writes the script's name into
//! the mailbox of that process, which runs the same program file, and sets a bit of its eval breaker; the main thread runs the script when
//! it next looks there. Another build's process is not written to.
#![allow(unsafe_code, reason = "the memory of other processes")]

use crate::compile::{self, CompileRequest, Mode};
use crate::eval::breaker;
use crate::types::exceptions::{FileNotFoundError, PermissionError, unraisable};
use crate::{PyResult, Raised, Value, Vm, pyfunction};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering};

/// Room for a script's name and the null byte behind it.
const ROOM: usize = 512;

const COOKIE: [u8; 16] = *b"krait-mailbox-1\0";

/// What other processes read and write.
#[repr(C)]
struct Mailbox {
    cookie: [u8; 16],
    /// Where the main interpreter's eval breaker is; 0 before there is one.
    breaker: AtomicUsize,
    /// The process may be asked.
    enabled: AtomicU32,
    /// A name has been written.
    pending: AtomicU32,
    script: [AtomicU8; ROOM],
}

static MAILBOX: Mailbox = Mailbox {
    cookie: COOKIE,
    breaker: AtomicUsize::new(0),
    enabled: AtomicU32::new(0),
    pending: AtomicU32::new(0),
    script: [const { AtomicU8::new(0) }; ROOM],
};

/// The part of a mailbox that is read from another process.
#[repr(C)]
#[derive(Default)]
struct Front {
    cookie: [u8; 16],
    breaker: usize,
    enabled: u32,
}

/// Opens the mailbox for the main interpreter, unless it is to stay closed.
pub fn open(vm: &Vm) {
    let closed = vm.config().xoptions.iter().any(|(name, _)| name == "disable-remote-debug")
        || (!vm.config().ignore_environment && std::env::var_os("PYTHON_DISABLE_REMOTE_DEBUG").is_some_and(|v| !v.is_empty()));
    MAILBOX.breaker.store(std::ptr::from_ref(&vm.interp.eval_breaker) as usize, Ordering::Release);
    MAILBOX.enabled.store(u32::from(!closed), Ordering::Release);
}

/// Whether other processes can ask this one to run a script.
#[pyfunction]
pub fn is_remote_debug_enabled() -> bool {
    MAILBOX.enabled.load(Ordering::Acquire) != 0
}

/// A line of `/proc/PID/maps`: where a part of a file is mapped.
struct Mapped {
    start: usize,
    end: usize,
    /// Offset, device and inode as the system writes them.
    part: String,
}

fn mapped(line: &str) -> Option<Mapped> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let part: Vec<&str> = fields.skip(1).take(3).collect();
    let hex = |s| usize::from_str_radix(s, 16).ok();
    Some(Mapped { start: hex(start)?, end: hex(end)?, part: part.join(" ") })
}

fn maps(vm: &mut Vm, pid: &str) -> PyResult<Vec<Mapped>> {
    match std::fs::read_to_string(format!("/proc/{pid}/maps")) {
        Ok(text) => Ok(text.lines().filter_map(mapped).collect()),
        Err(e) => Err(vm.os_error_from(&e, None)),
    }
}

/// Where the mailbox of the process is.
fn find(vm: &mut Vm, pid: i32) -> PyResult<usize> {
    let here = &raw const MAILBOX as usize;
    let own = maps(vm, "self")?;
    let theirs = maps(vm, &pid.to_string())?;
    let place = own.iter().find(|m| (m.start..m.end).contains(&here)).and_then(|mine| {
        let there = theirs.iter().find(|m| m.part == mine.part)?;
        Some(there.start + (here - mine.start))
    });
    match place {
        Some(place) => Ok(place),
        None => Err(vm.runtime_error(format!("process {pid} does not run this build of the interpreter"))),
    }
}

fn moved(vm: &mut Vm, n: isize, want: usize) -> PyResult<()> {
    if n < 0 {
        let error = std::io::Error::last_os_error();
        return Err(vm.os_error_from(&error, None));
    }
    if n as usize == want { Ok(()) } else { Err(vm.runtime_error("the process's memory cannot be reached")) }
}

fn piece(address: usize, len: usize) -> libc::iovec {
    libc::iovec { iov_base: std::ptr::with_exposed_provenance_mut(address), iov_len: len }
}

fn read_front(vm: &mut Vm, pid: i32, address: usize) -> PyResult<Front> {
    let mut front = Front::default();
    let local = libc::iovec { iov_base: (&raw mut front).cast(), iov_len: size_of::<Front>() };
    let remote = piece(address, size_of::<Front>());
    // SAFETY: `local` is as long as the live value that it points to, any bytes are one; the system checks the other process's memory.
    let n = unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) };
    moved(vm, n, size_of::<Front>())?;
    Ok(front)
}

fn write(vm: &mut Vm, pid: i32, address: usize, bytes: &[u8]) -> PyResult<()> {
    let local = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let remote = piece(address, bytes.len());
    // SAFETY: `local` is only read. What is written over in the other process (or in this one) are atomics: the script's name, a flag, and a
    // byte of the eval breaker that no other bit stands in.
    let n = unsafe { libc::process_vm_writev(pid, &raw const local, 1, &raw const remote, 1, 0) };
    moved(vm, n, bytes.len())
}

/// FileNotFoundError and the like unless the script can be read.
fn check_script(vm: &mut Vm, path: &[u8]) -> PyResult<()> {
    use std::os::unix::ffi::OsStrExt;
    match std::fs::File::open(std::ffi::OsStr::from_bytes(path)) {
        Ok(_) => Ok(()),
        Err(e) => match e.kind() {
            std::io::ErrorKind::NotFound => Err(vm.raise::<FileNotFoundError>("Script file does not exist")),
            std::io::ErrorKind::PermissionDenied => Err(vm.raise::<PermissionError>("Script file cannot be read")),
            _ => Err(vm.os_error_from(&e, None)),
        },
    }
}

/// Let the main thread of the process pid run a Python file.
///
/// The process must be one of this interpreter, of the same build, and the caller must be allowed to trace it. The script runs in a namespace
/// of its own as soon as the process executes Python code; it may not have run when this returns.
#[pyfunction(sig = "(pid, script)")]
pub fn remote_exec(pid: i32, script: &Value, vm: &mut Vm) -> PyResult<()> {
    let text = vm.fs_path_text(script)?;
    let Some(name) = compile::fs_encode(&text) else { return Err(vm.value_error("the script's name cannot be encoded")) };
    vm.audit_with("sys.remote_exec", |vm| Ok(vec![vm.new_int(pid)?, script.clone()]))?;
    check_script(vm, &name)?;
    if name.len() >= ROOM {
        return Err(vm.value_error("Debugger script path is too long"));
    }
    let at = find(vm, pid)?;
    let front = read_front(vm, pid, at)?;
    if front.cookie != COOKIE || front.breaker == 0 {
        return Err(vm.runtime_error(format!("process {pid} does not run this build of the interpreter")));
    }
    if front.enabled == 0 {
        return Err(vm.runtime_error("Remote debugging is not enabled in the remote process"));
    }
    let mut line = name;
    line.push(0);
    write(vm, pid, at + std::mem::offset_of!(Mailbox, script), &line)?;
    write(vm, pid, at + std::mem::offset_of!(Mailbox, pending), &1u32.to_ne_bytes())?;
    // The bit's own byte, so that bits that others set meanwhile are kept.
    let byte = if cfg!(target_endian = "little") { 3 } else { 0 };
    write(vm, pid, front.breaker + byte, &[(breaker::REMOTE >> 24) as u8])
}

/// Runs the script that another process has asked for. What it raises is reported and goes no further.
pub(crate) fn run_pending(vm: &mut Vm) {
    if MAILBOX.pending.swap(0, Ordering::AcqRel) == 0 || !is_remote_debug_enabled() {
        return;
    }
    let name: Vec<u8> = MAILBOX.script.iter().map(|b| b.load(Ordering::Relaxed)).take_while(|&b| b != 0).collect();
    if let Err(e) = run(vm, &name) {
        unraisable::report_with(vm, e, Some("Error executing debugger script"), None);
    }
}

fn run(vm: &mut Vm, name: &[u8]) -> Result<(), Raised> {
    let shown = vm.new_str_fs(name)?.into_value();
    vm.audit("cpython.remote_debugger_script", std::slice::from_ref(&shown))?;
    // Through `io`, so that a hook on opening code sees it.
    let io = vm.import_module("io")?;
    let open = vm.getattr_str(&io, "open_code")?;
    let file = vm.call(&open, &[shown])?;
    let data = vm.call_method(&file, n!(read), &[])?;
    vm.call_method(&file, n!(close), &[])?;
    let data = vm.bytes_of(&data)?;
    let filename = compile::fs_decode(name);
    let text = compile::decode_source_file(vm, &data, &filename)?;
    let request = CompileRequest {
        filename, mode: Mode::Exec, flags: 0, optimize: -1, feature_version: -1, from_file: true, encoding: krait_syntax::source_encoding(&data),
    };
    let code = compile::compile_source(vm, &text, request)?;
    let namespace = vm.new_dict()?;
    let builtins = crate::builtins::frames::builtins(vm);
    namespace.set_str(vm, n!(__builtins__), builtins)?;
    match code.downcast::<crate::types::code::CodeObject>() {
        Some(code) => vm.run_code(code, &namespace, None).map(drop),
        None => Err(vm.system_error("compilation gave no code object")),
    }
}
