//! The `faulthandler` module: tracebacks on demand, and on fatal signals.
//!
//! Absent: tracebacks of a process whose memory is broken. On a fatal signal only the signal's name is written, since walking the frames
//! needs an intact heap; `dump_traceback_later` and `register` are not there.
#![allow(unsafe_code, reason = "signal handlers and writing to descriptors")]

use crate::fspath::as_file_descriptor;
use crate::oserror::sys;
use krait_runtime::types::int::Int;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{PyResult, Value, Vm, n, pyfunction};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

static ENABLED: AtomicBool = AtomicBool::new(false);
static FD: AtomicI32 = AtomicI32::new(2);

const SIGNALS: [(i32, &[u8]); 5] = [
    (libc::SIGBUS, b"Fatal Python error: Bus error\n\n"),
    (libc::SIGILL, b"Fatal Python error: Illegal instruction\n\n"),
    (libc::SIGFPE, b"Fatal Python error: Floating-point exception\n\n"),
    (libc::SIGABRT, b"Fatal Python error: Aborted\n\n"),
    (libc::SIGSEGV, b"Fatal Python error: Segmentation fault\n\n"),
];

extern "C" fn on_fatal(signal: libc::c_int) {
    if let Some((_, text)) = SIGNALS.iter().find(|(s, _)| *s == signal) {
        // SAFETY: live static bytes; writing is allowed in signal handlers.
        unsafe { libc::write(FD.load(Ordering::SeqCst), text.as_ptr().cast(), text.len()) };
    }
    // SAFETY: as it was before `enable`, so that the process ends as it would have.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

/// The descriptor of a file argument; sys.stderr's without one.
fn descriptor(vm: &mut Vm, file: Option<&Value>) -> PyResult<i32> {
    let file = match file.filter(|f| !f.is_none()) {
        Some(f) => f.clone(),
        None => {
            let stderr = vm.interp.sys_dict.load(vm).and_then(|d| d.get_str(vm, n!(stderr)).cloned());
            match stderr {
                None => return Err(vm.runtime_error("unable to get sys.stderr")),
                Some(f) if f.is_none() => return Err(vm.runtime_error("sys.stderr is None")),
                Some(f) => f,
            }
        }
    };
    if file.is::<Int>() {
        return match vm.int_as_i128(&file).and_then(|i| i32::try_from(i).ok()) {
            Some(fd) if fd >= 0 => Ok(fd),
            _ => Err(vm.value_error("file is not a valid file descripter")),
        };
    }
    let fd = as_file_descriptor(vm, &file)?;
    let _ignored = vm.call_method(&file, n!(flush), &[]);
    Ok(fd)
}

fn write(fd: i32, text: &str) {
    sys!(libc::write(fd, text.as_ptr().cast(), text.len()));
}

/// The frames from `frame` outwards, a line each.
fn write_frames(vm: &mut Vm, fd: i32, frame: Value) -> PyResult<()> {
    let mut at = frame;
    for _ in 0..100 {
        if at.is_none() {
            return Ok(());
        }
        let code = vm.getattr_str(&at, "f_code")?;
        let (file, name) = (vm.getattr_str(&code, "co_filename")?, vm.getattr_str(&code, "co_name")?);
        let line = vm.getattr_str(&at, "f_lineno")?;
        let (file, line, name) = (vm.str(&file)?, vm.str(&line)?, vm.str(&name)?);
        write(fd, &format!("  File \"{}\", line {} in {}\n", file.to_string_lossy(), line.to_string_lossy(), name.to_string_lossy()));
        at = vm.getattr_str(&at, "f_back")?;
    }
    write(fd, "  ...\n");
    Ok(())
}

/// Write the tracebacks of the threads to a file.
#[pyfunction(sig = "(file=?, all_threads=True)", text = "(file=sys.stderr, all_threads=True)")]
fn dump_traceback(file: Option<Value>, all_threads: bool, vm: &mut Vm) -> PyResult<()> {
    let fd = descriptor(vm, file.as_ref())?;
    let name = vm.intern("_getframe");
    let getframe = vm.interp.sys_dict.load(vm).and_then(|d| d.get_str(vm, &name).cloned());
    if all_threads {
        write(fd, &format!("Current thread {:#018x} (most recent call first):\n", crate::thread::ident()));
    } else {
        write(fd, "Stack (most recent call first):\n");
    }
    match getframe {
        Some(f) => {
            let frame = vm.call(&f, &[])?;
            write_frames(vm, fd, frame)
        }
        None => Ok(()),
    }
}

/// Write something to a file when a fatal signal comes in.
#[pyfunction(sig = "(file=?, all_threads=True)", text = "(file=sys.stderr, all_threads=True)")]
fn enable(file: Option<Value>, all_threads: bool, vm: &mut Vm) -> PyResult<()> {
    let _ = all_threads;
    let fd = descriptor(vm, file.as_ref())?;
    FD.store(fd, Ordering::SeqCst);
    ENABLED.store(true, Ordering::SeqCst);
    for (signal, _) in SIGNALS {
        sys!(libc::signal(signal, on_fatal as *const () as libc::sighandler_t));
    }
    Ok(())
}

/// Undo enable(); says whether it was enabled.
#[pyfunction]
fn disable() -> bool {
    let was = ENABLED.swap(false, Ordering::SeqCst);
    if was {
        for (signal, _) in SIGNALS {
            sys!(libc::signal(signal, libc::SIG_DFL));
        }
    }
    was
}

/// Whether fatal signals are reported.
#[pyfunction]
fn is_enabled() -> bool {
    ENABLED.load(Ordering::SeqCst)
}

/// Nothing is ever scheduled.
#[pyfunction]
fn cancel_dump_traceback_later() {}

krait_runtime::module! {
    "faulthandler",
    doc: "Tracebacks on demand and on fatal signals.",
    functions: [dump_traceback, enable, disable, is_enabled, cancel_dump_traceback_later],
    types: [],
}
