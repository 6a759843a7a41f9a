//! The `_signal` module. The system's handler only notes the signal and wakes the evaluator; Python's handlers run on the main thread.
//!
//! What the system's handler writes is process-wide of necessity: signals know no interpreter.
#![allow(unsafe_code, reason = "system calls and a signal handler")]

use crate::audit::audit;
use crate::oserror::{self, check, errno, sys};
use crate::time;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::exceptions::unraisable;
use krait_runtime::types::structseq::{self, StructSeqDef};
use krait_runtime::types::value::ValueExt;
use krait_runtime::{GilCell, Py, PyResult, Value, Vm, pyfunction};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering};

const NSIG: usize = 65;

static TRIPPED: [AtomicBool; NSIG] = [const { AtomicBool::new(false) }; NSIG];
static ANY: AtomicBool = AtomicBool::new(false);
static WAKEUP_FD: AtomicI32 = AtomicI32::new(-1);
static WARN_ON_FULL: AtomicBool = AtomicBool::new(true);
/// A byte could not be written to the wakeup descriptor: the error's number.
static WAKEUP_ERROR: AtomicI32 = AtomicI32::new(0);
static BREAKER: AtomicPtr<AtomicU32> = AtomicPtr::new(std::ptr::null_mut());

/// What Python installed, by number.
#[derive(Default)]
struct SignalState {
    handlers: GilCell<Vec<Value>>,
    itimer_error: GilCell<Option<Value>>,
}

/// The thread that runs Python's handlers, 0 while there is none.
static MAIN: AtomicU64 = AtomicU64::new(0);

/// Keeps the calling thread, which runs no Python code, from being chosen when a signal comes in.
pub fn leave_to_others() {
    let mut all = empty_set();
    sys!(libc::sigfillset(&raw mut all));
    sys!(libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut()));
}

extern "C" fn on_signal(signal: libc::c_int) {
    let saved = errno();
    let main = MAIN.load(Ordering::SeqCst);
    if main != 0 && main != crate::thread::ident() {
        // Any thread may be chosen; the one that runs the handlers has to be woken.
        // SAFETY: the main thread lives as long as the interpreter.
        unsafe {
            libc::pthread_kill(main as libc::pthread_t, signal);
            *libc::__errno_location() = saved;
        }
        return;
    }
    if let Some(tripped) = TRIPPED.get(signal as usize) {
        tripped.store(true, Ordering::SeqCst);
    }
    trip();
    let fd = WAKEUP_FD.load(Ordering::SeqCst);
    if fd != -1 {
        let byte = signal as u8;
        // SAFETY: one byte of a live variable.
        if unsafe { libc::write(fd, (&raw const byte).cast(), 1) } < 0 {
            let code = errno();
            let full = code == libc::EAGAIN || code == libc::EWOULDBLOCK;
            if !full || WARN_ON_FULL.load(Ordering::SeqCst) {
                WAKEUP_ERROR.store(code, Ordering::SeqCst);
            }
        }
    }
    // SAFETY: the thread's own errno.
    unsafe { *libc::__errno_location() = saved };
}

fn trip() {
    ANY.store(true, Ordering::SeqCst);
    // SAFETY: null, or the flags of an interpreter, which are never freed.
    if let Some(breaker) = unsafe { BREAKER.load(Ordering::SeqCst).as_ref() } {
        breaker.fetch_or(krait_runtime::eval::breaker::SIGNALS, Ordering::AcqRel);
    }
}

/// Marks a signal as if it had come in (`_thread.interrupt_main`).
pub fn trip_signal(signal: i32) {
    if let Some(tripped) = TRIPPED.get(signal as usize) {
        tripped.store(true, Ordering::SeqCst);
    }
    trip();
}

/// Runs the Python handlers of signals that have come in; nothing happens on other threads than the main one.
pub fn check_signals(vm: &mut Vm) -> PyResult<()> {
    if !ANY.load(Ordering::Relaxed) || !vm.eval.is_main {
        return Ok(());
    }
    run_handlers(vm)
}

#[cold]
fn run_handlers(vm: &mut Vm) -> PyResult<()> {
    if !ANY.swap(false, Ordering::SeqCst) {
        return Ok(());
    }
    let code = WAKEUP_ERROR.swap(0, Ordering::SeqCst);
    if code != 0 {
        let raised = oserror::os_error(vm, code);
        unraisable::report_with(vm, raised, Some("Exception ignored while trying to write to the signal wakeup fd"), None);
    }
    let frame = current_frame(vm);
    for (i, tripped) in TRIPPED.iter().enumerate().skip(1) {
        if !tripped.swap(false, Ordering::SeqCst) {
            continue;
        }
        let handler = vm.state::<SignalState>().handlers.get(vm).get(i).cloned();
        let handler = handler.filter(|h| !h.is_none() && !h.is_small_int() && !vm.interp.finalizing.get());
        let Some(handler) = handler else {
            // The handler has gone since the signal came in.
            let text = vm.new_str(&format!("Signal {i} ignored due to race condition"))?.into_value();
            let raised = oserror::raise_named(vm, "OSError", &[text]);
            unraisable::report_with(vm, raised, None, None);
            continue;
        };
        let number = Value::from_i32(i as i32);
        if let Err(e) = vm.call(&handler, &[number, frame.clone()]) {
            // The others run when the evaluator looks again.
            trip();
            return Err(e);
        }
    }
    Ok(())
}

fn current_frame(vm: &mut Vm) -> Value {
    let name = vm.intern("_getframe");
    let getframe = vm.interp.sys_dict.load(vm).and_then(|d| d.get_str(vm, &name).cloned());
    getframe.and_then(|f| vm.call(&f, &[]).ok()).unwrap_or_else(Value::none)
}

/// Called in the child of a fork: signals that came in before are the parent's.
pub fn after_fork(_: &mut Vm) {
    MAIN.store(crate::thread::ident(), Ordering::SeqCst);
    TRIPPED.iter().for_each(|t| t.store(false, Ordering::SeqCst));
    ANY.store(false, Ordering::SeqCst);
}

fn set_action(signal: i32, handler: libc::sighandler_t) -> i32 {
    // SAFETY: all fields are numbers.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = libc::SA_ONSTACK;
    // SAFETY: the action is live; a null pointer asks for nothing.
    unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) }
}

/// Ends the process by SIGINT, so that whoever waits for it learns why; returns only if that fails.
pub fn die_of_interrupt() {
    set_action(libc::SIGINT, libc::SIG_DFL);
    // SAFETY: a plain system call.
    unsafe { libc::kill(libc::getpid(), libc::SIGINT) };
}

/// Makes the interpreter the one that handles signals: SIGPIPE and SIGXFSZ are ignored, SIGINT raises KeyboardInterrupt.
pub fn install(vm: &mut Vm) -> PyResult<()> {
    connect(vm)?;
    set_action(libc::SIGPIPE, libc::SIG_IGN);
    set_action(libc::SIGXFSZ, libc::SIG_IGN);
    read_actions(vm)?;
    let default = vm.state::<SignalState>().handlers.get(vm).get(libc::SIGINT as usize).is_some_and(|h| h.as_small_int() == Some(0));
    if default {
        let module = krait_runtime::module::create(vm, &MODULE)?;
        let handler = vm.getattr_str(module.as_value(), "default_int_handler")?;
        set_handler(vm, libc::SIGINT, handler);
        set_action(libc::SIGINT, on_signal as *const () as libc::sighandler_t);
    }
    Ok(())
}

/// Takes over how the user's locale writes characters, as CPython does when it starts; numbers stay as C writes them.
pub fn set_ctype() {
    let name = sys!(libc::setlocale(libc::LC_CTYPE, c"".as_ptr()));
    // SAFETY: null, or the C library's own null-terminated string, read at once.
    let is_c = name.is_null() || matches!(unsafe { std::ffi::CStr::from_ptr(name) }.to_bytes(), b"C" | b"POSIX");
    let wanted = std::env::var_os("PYTHONCOERCECLOCALE").is_none_or(|v| v != "0") && std::env::var_os("LC_ALL").is_none_or(|v| v.is_empty());
    if !is_c || !wanted {
        return;
    }
    // PEP 538: the C locale becomes one with UTF-8, for children too.
    for locale in [c"C.UTF-8", c"C.utf8", c"UTF-8"] {
        if !sys!(libc::setlocale(libc::LC_CTYPE, locale.as_ptr())).is_null() {
            sys!(libc::setenv(c"LC_CTYPE".as_ptr(), locale.as_ptr(), 1));
            return;
        }
    }
}

fn connect(vm: &mut Vm) -> PyResult<()> {
    let flags: *const AtomicU32 = &raw const vm.interp.eval_breaker;
    BREAKER.store(flags.cast_mut(), Ordering::SeqCst);
    if vm.eval.is_main {
        MAIN.store(crate::thread::ident(), Ordering::SeqCst);
    }
    vm.interp.signal_handler.set(Some(check_signals));
    Ok(())
}

/// The handlers as the process found them.
fn read_actions(vm: &mut Vm) -> PyResult<()> {
    if !vm.state::<SignalState>().handlers.get(vm).is_empty() {
        return Ok(());
    }
    let mut handlers = vec![Value::none()];
    for i in 1..NSIG as i32 {
        // SAFETY: all fields are numbers.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        let known = sys!(libc::sigaction(i, std::ptr::null(), &raw mut action)) == 0;
        handlers.push(match action.sa_sigaction {
            libc::SIG_DFL if known => Value::from_i32(0),
            libc::SIG_IGN if known => Value::from_i32(1),
            _ => Value::none(),
        });
    }
    let old = vm.state::<SignalState>().handlers.replace(vm, handlers);
    drop(old);
    Ok(())
}

fn set_handler(vm: &mut Vm, signal: i32, handler: Value) -> Value {
    let state = vm.state::<SignalState>();
    match state.handlers.get_mut(vm).get_mut(signal as usize) {
        Some(slot) => std::mem::replace(slot, handler),
        None => Value::none(),
    }
}

fn check_number(vm: &mut Vm, signal: i32) -> PyResult<()> {
    if signal < 1 || signal >= NSIG as i32 {
        return Err(vm.value_error("signal number out of range"));
    }
    Ok(())
}

/// What SIGINT does by default: raises KeyboardInterrupt.
#[pyfunction(sig = "(signalnum, frame, /)")]
fn default_int_handler(signalnum: i32, frame: Value, vm: &mut Vm) -> PyResult {
    let _ = (signalnum, frame);
    Err(oserror::raise_named(vm, "KeyboardInterrupt", &[]))
}

/// Sets what happens when a signal comes in and returns what happened until now.
#[pyfunction(sig = "(signalnum, handler, /)")]
fn signal(signalnum: i32, handler: Value, vm: &mut Vm) -> PyResult {
    if !vm.eval.is_main {
        return Err(vm.value_error("signal only works in main thread of the main interpreter"));
    }
    check_number(vm, signalnum)?;
    connect(vm)?;
    let callable = handler.ty().slots.call.get().is_some();
    let number = if callable { None } else { number_of(&handler) };
    let action = match number {
        None if callable => on_signal as *const () as libc::sighandler_t,
        Some(0) => libc::SIG_DFL,
        Some(1) => libc::SIG_IGN,
        _ => return Err(vm.type_error("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object")),
    };
    check_signals(vm)?;
    let result = set_action(signalnum, action);
    check(vm, result)?;
    let kept = match number {
        Some(n) => Value::from_i32(n as i32),
        None => handler,
    };
    Ok(set_handler(vm, signalnum, kept))
}

fn number_of(handler: &Value) -> Option<i64> {
    krait_runtime::types::int::IntRef::new(handler).and_then(|i| i.to_i64())
}

/// What happens when a signal comes in; None if that was not set from Python.
#[pyfunction(sig = "(signalnum, /)")]
fn getsignal(signalnum: i32, vm: &mut Vm) -> PyResult {
    check_number(vm, signalnum)?;
    Ok(vm.state::<SignalState>().handlers.get(vm).get(signalnum as usize).cloned().unwrap_or_else(Value::none))
}

/// What the system calls a signal; None if it does not know it.
#[pyfunction(sig = "(signalnum, /)")]
fn strsignal(signalnum: i32, vm: &mut Vm) -> PyResult<Option<String>> {
    check_number(vm, signalnum)?;
    // SAFETY: null or a null-terminated string, read before the next call.
    let text = unsafe {
        let p = libc::strsignal(signalnum);
        if p.is_null() { None } else { Some(std::ffi::CStr::from_ptr(p).to_string_lossy().into_owned()) }
    };
    Ok(text.filter(|t| !t.starts_with("Unknown signal")))
}

/// Whether system calls that the signal interrupts fail.
#[pyfunction(sig = "(signalnum, flag, /)")]
fn siginterrupt(signalnum: i32, flag: i32, vm: &mut Vm) -> PyResult<()> {
    check_number(vm, signalnum)?;
    // SAFETY: all fields are numbers.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    sys!(libc::sigaction(signalnum, std::ptr::null(), &raw mut action));
    if flag != 0 {
        action.sa_flags &= !libc::SA_RESTART;
    } else {
        action.sa_flags |= libc::SA_RESTART;
    }
    let result = sys!(libc::sigaction(signalnum, &raw const action, std::ptr::null_mut()));
    check(vm, result).map(drop)
}

/// Sets the descriptor to which a signal's number is written as a byte; returns the old one.
#[pyfunction(sig = "(fd, /, *, warn_on_full_buffer=True)")]
fn set_wakeup_fd(fd: i32, warn_on_full_buffer: bool, vm: &mut Vm) -> PyResult<i32> {
    if !vm.eval.is_main {
        return Err(vm.value_error("set_wakeup_fd only works in main thread of the main interpreter"));
    }
    if fd != -1 {
        let mut st = crate::posix::stat::empty();
        let result = sys!(libc::fstat(fd, &raw mut st));
        check(vm, result)?;
        let flags = sys!(libc::fcntl(fd, libc::F_GETFL));
        if check(vm, flags)? & libc::O_NONBLOCK == 0 {
            return Err(vm.value_error(format!("the fd {fd} must be in non-blocking mode")));
        }
    }
    WARN_ON_FULL.store(warn_on_full_buffer, Ordering::SeqCst);
    Ok(WAKEUP_FD.swap(fd, Ordering::SeqCst))
}

/// Asks for SIGALRM in so many seconds; returns how many were left of the last request.
#[pyfunction(sig = "(seconds, /)")]
fn alarm(seconds: i32) -> u32 {
    sys!(libc::alarm(seconds as u32))
}

/// Waits for a signal.
#[pyfunction]
fn pause(vm: &mut Vm) -> PyResult<()> {
    vm.allow_threads(|| sys!(libc::pause()));
    check_signals(vm)
}

/// Sends a signal to the process itself.
#[pyfunction(sig = "(signalnum, /)")]
fn raise_signal(signalnum: i32, vm: &mut Vm) -> PyResult<()> {
    let result = vm.allow_threads(|| if sys!(libc::raise(signalnum)) == 0 { 0 } else { errno() });
    if result != 0 {
        return Err(oserror::os_error(vm, result));
    }
    check_signals(vm)
}

/// Sends a signal to a thread.
#[pyfunction(sig = "(thread_id, signalnum, /)")]
fn pthread_kill(thread_id: u64, signalnum: i32, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "signal.pthread_kill", thread_id, signalnum)?;
    match sys!(libc::pthread_kill(thread_id as libc::pthread_t, signalnum)) {
        0 => check_signals(vm),
        code => Err(oserror::os_error(vm, code)),
    }
}

/// Sends a signal to the process behind a descriptor.
#[pyfunction(sig = "(pidfd, signalnum, siginfo=None, flags=0, /)")]
fn pidfd_send_signal(pidfd: i32, signalnum: i32, siginfo: Value, flags: u32, vm: &mut Vm) -> PyResult<()> {
    if !siginfo.is_none() {
        return Err(vm.type_error("siginfo must be None"));
    }
    let null: *const libc::siginfo_t = std::ptr::null();
    let result = sys!(libc::syscall(libc::SYS_pidfd_send_signal, pidfd, signalnum, null, flags));
    check(vm, result)?;
    // It may be for this process.
    check_signals(vm)
}

fn empty_set() -> libc::sigset_t {
    // SAFETY: filled in by `sigemptyset`.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        set
    }
}

/// A set of signals out of an iterable.
pub fn sigset(vm: &mut Vm, signals: &Value) -> PyResult<libc::sigset_t> {
    let mut set = empty_set();
    for item in vm.collect(signals)? {
        let index = vm.index(&item)?;
        match vm.int_as_i128(&index) {
            Some(n) if n >= 1 && n < NSIG as i128 => {
                // The C library keeps some numbers for itself; it refuses them, and so they are left out.
                sys!(libc::sigaddset(&raw mut set, n as i32));
            }
            Some(n) if i64::try_from(n).is_ok() => return Err(vm.value_error(format!("signal number {n} out of range [1; {}]", NSIG - 1))),
            _ => return Err(vm.value_error(format!("signal number -1 out of range [1; {}]", NSIG - 1))),
        }
    }
    Ok(set)
}

fn set_to_python(vm: &mut Vm, set: &libc::sigset_t) -> PyResult {
    let items: Vec<Value> = (1..NSIG as i32).filter(|&i| sys!(libc::sigismember(std::ptr::from_ref(set), i)) == 1).map(Value::from_i32).collect();
    let list = vm.new_list(items)?.into_value();
    let class = oserror::builtin(vm, "set")?;
    vm.call(&class, &[list])
}

/// Changes which signals the thread blocks and returns which it blocked.
#[pyfunction(sig = "(how, mask, /)")]
fn pthread_sigmask(how: i32, mask: &Value, vm: &mut Vm) -> PyResult {
    let set = sigset(vm, mask)?;
    let mut old = empty_set();
    match sys!(libc::pthread_sigmask(how, &raw const set, &raw mut old)) {
        0 => {}
        code => return Err(oserror::os_error(vm, code)),
    }
    check_signals(vm)?;
    set_to_python(vm, &old)
}

/// The signals that wait because they are blocked.
#[pyfunction]
fn sigpending(vm: &mut Vm) -> PyResult {
    let mut set = empty_set();
    let result = sys!(libc::sigpending(&raw mut set));
    check(vm, result)?;
    set_to_python(vm, &set)
}

/// Waits for one of the signals and returns its number.
#[pyfunction(sig = "(sigset, /)")]
fn sigwait(sigset: &Value, vm: &mut Vm) -> PyResult<i32> {
    let set = self::sigset(vm, sigset)?;
    let mut signal = 0;
    match vm.allow_threads(|| sys!(libc::sigwait(&raw const set, &raw mut signal))) {
        0 => Ok(signal),
        code => Err(oserror::os_error(vm, code)),
    }
}

/// `signal.struct_siginfo`.
static SIGINFO: StructSeqDef = StructSeqDef {
    name: "signal.struct_siginfo",
    doc: "Result from sigwaitinfo or sigtimedwait: a tuple of (si_signo, si_code, si_errno, si_pid, si_uid, si_status, si_band), also as attributes.",
    fields: &[
        ("si_signo", "signal number"),
        ("si_code", "signal code"),
        ("si_errno", "errno associated with this signal"),
        ("si_pid", "sending process ID"),
        ("si_uid", "real user ID of sending process"),
        ("si_status", "exit value or signal"),
        ("si_band", "band event for SIGPOLL"),
    ],
    in_sequence: 7,
};

fn siginfo(vm: &mut Vm, info: &libc::siginfo_t) -> PyResult {
    // SAFETY: the fields share memory; which of them mean something depends on the signal, all are numbers.
    let (pid, uid, status) = unsafe { (info.si_pid(), info.si_uid(), info.si_status()) };
    let mut values = Vec::new();
    for n in [i64::from(info.si_signo), i64::from(info.si_code), i64::from(info.si_errno), i64::from(pid), i64::from(uid), i64::from(status), i64::from(pid)] {
        values.push(vm.new_int(n)?);
    }
    structseq::new(vm, &SIGINFO, values)
}

fn wait_info(vm: &mut Vm, set: &Value, deadline: Option<i64>) -> PyResult {
    let set = sigset(vm, set)?;
    loop {
        // SAFETY: all fields are numbers or pointers.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let code = vm.allow_threads(|| {
            let result = match deadline {
                None => sys!(libc::sigwaitinfo(&raw const set, &raw mut info)),
                Some(at) => {
                    let ts = time::timespec(at.saturating_sub(time::monotonic_now()).max(0));
                    sys!(libc::sigtimedwait(&raw const set, &raw mut info, &raw const ts))
                }
            };
            if result == -1 { errno() } else { 0 }
        });
        match code {
            0 => return siginfo(vm, &info),
            libc::EINTR => check_signals(vm)?,
            libc::EAGAIN if deadline.is_some() => return Ok(Value::none()),
            code => return Err(oserror::os_error(vm, code)),
        }
    }
}

/// Waits for one of the signals and returns what is known of it.
#[pyfunction(sig = "(sigset, /)")]
fn sigwaitinfo(sigset: &Value, vm: &mut Vm) -> PyResult {
    wait_info(vm, sigset, None)
}

/// sigwaitinfo() with a timeout in seconds; None when it is over.
#[pyfunction(sig = "(sigset, timeout, /)")]
fn sigtimedwait(sigset: &Value, timeout: &Value, vm: &mut Vm) -> PyResult {
    let timeout = time::to_time(vm, timeout, time::Round::Ceiling)?;
    if timeout < 0 {
        return Err(vm.value_error("timeout must be non-negative"));
    }
    wait_info(vm, sigset, Some(time::monotonic_now().saturating_add(timeout)))
}

/// The signals that there are.
#[pyfunction]
fn valid_signals(vm: &mut Vm) -> PyResult {
    let mut set = empty_set();
    sys!(libc::sigfillset(&raw mut set));
    set_to_python(vm, &set)
}

fn timeval(vm: &mut Vm, seconds: &Value) -> PyResult<libc::timeval> {
    let nanos = time::to_time(vm, seconds, time::Round::Ceiling)?;
    let micros = nanos.div_euclid(1000) + i64::from(nanos.rem_euclid(1000) > 0);
    Ok(libc::timeval { tv_sec: micros.div_euclid(1_000_000), tv_usec: micros.rem_euclid(1_000_000) })
}

fn itimer_pair(vm: &mut Vm, t: &libc::itimerval) -> PyResult {
    let value = vm.new_float(t.it_value.tv_sec as f64 + t.it_value.tv_usec as f64 / 1e6)?;
    let interval = vm.new_float(t.it_interval.tv_sec as f64 + t.it_interval.tv_usec as f64 / 1e6)?;
    Ok(vm.new_tuple(vec![value, interval])?.into_value())
}

fn itimer_error(vm: &mut Vm) -> krait_runtime::Raised {
    let code = errno();
    let class = vm.state::<SignalState>().itimer_error.load(vm);
    let text = vm.new_str(&oserror::strerror(code));
    match (class, text) {
        (Some(class), Ok(text)) => oserror::raise_class(vm, &class, &[Value::from_i32(code), text.into_value()]),
        _ => oserror::os_error(vm, code),
    }
}

/// Starts a timer of the process: first after seconds, then every interval.
#[pyfunction(sig = "(which, seconds, interval=?, /)", text = "(which, seconds, interval=0.0, /)")]
fn setitimer(which: i32, seconds: &Value, interval: Option<Value>, vm: &mut Vm) -> PyResult {
    let it_value = timeval(vm, seconds)?;
    let it_interval = match &interval {
        Some(i) => timeval(vm, i)?,
        None => libc::timeval { tv_sec: 0, tv_usec: 0 },
    };
    let new = libc::itimerval { it_interval, it_value };
    // SAFETY: all fields are numbers.
    let mut old: libc::itimerval = unsafe { std::mem::zeroed() };
    if sys!(libc::setitimer(which as _, &raw const new, &raw mut old)) != 0 {
        return Err(itimer_error(vm));
    }
    itimer_pair(vm, &old)
}

/// What is left of a timer, and its interval.
#[pyfunction(sig = "(which, /)")]
fn getitimer(which: i32, vm: &mut Vm) -> PyResult {
    // SAFETY: all fields are numbers.
    let mut old: libc::itimerval = unsafe { std::mem::zeroed() };
    if sys!(libc::getitimer(which as _, &raw mut old)) != 0 {
        return Err(itimer_error(vm));
    }
    itimer_pair(vm, &old)
}

krait_runtime::module! {
    "_signal",
    doc: "Signals: what happens when they come in, and sending them.",
    functions: [
        default_int_handler, signal, getsignal, strsignal, siginterrupt, set_wakeup_fd, alarm, pause, raise_signal, pthread_kill,
        pidfd_send_signal, pthread_sigmask, sigpending, sigwait, sigwaitinfo, sigtimedwait, valid_signals, setitimer, getitimer,
    ],
    types: [],
    exec: init,
    single: true,
}

static NUMBERS: &[(&str, i32)] = &[
    ("SIG_DFL", 0),
    ("SIG_IGN", 1),
    ("NSIG", 65),
    ("SIG_BLOCK", libc::SIG_BLOCK),
    ("SIG_UNBLOCK", libc::SIG_UNBLOCK),
    ("SIG_SETMASK", libc::SIG_SETMASK),
    ("ITIMER_REAL", 0),
    ("ITIMER_VIRTUAL", 1),
    ("ITIMER_PROF", 2),
    ("SIGHUP", libc::SIGHUP),
    ("SIGINT", libc::SIGINT),
    ("SIGQUIT", libc::SIGQUIT),
    ("SIGILL", libc::SIGILL),
    ("SIGTRAP", libc::SIGTRAP),
    ("SIGIOT", libc::SIGIOT),
    ("SIGABRT", libc::SIGABRT),
    ("SIGFPE", libc::SIGFPE),
    ("SIGKILL", libc::SIGKILL),
    ("SIGBUS", libc::SIGBUS),
    ("SIGSEGV", libc::SIGSEGV),
    ("SIGSYS", libc::SIGSYS),
    ("SIGPIPE", libc::SIGPIPE),
    ("SIGALRM", libc::SIGALRM),
    ("SIGTERM", libc::SIGTERM),
    ("SIGUSR1", libc::SIGUSR1),
    ("SIGUSR2", libc::SIGUSR2),
    ("SIGCLD", libc::SIGCHLD),
    ("SIGCHLD", libc::SIGCHLD),
    ("SIGPWR", libc::SIGPWR),
    ("SIGIO", libc::SIGIO),
    ("SIGURG", libc::SIGURG),
    ("SIGWINCH", libc::SIGWINCH),
    ("SIGPOLL", libc::SIGPOLL),
    ("SIGSTOP", libc::SIGSTOP),
    ("SIGTSTP", libc::SIGTSTP),
    ("SIGCONT", libc::SIGCONT),
    ("SIGTTIN", libc::SIGTTIN),
    ("SIGTTOU", libc::SIGTTOU),
    ("SIGVTALRM", libc::SIGVTALRM),
    ("SIGPROF", libc::SIGPROF),
    ("SIGXCPU", libc::SIGXCPU),
    ("SIGXFSZ", libc::SIGXFSZ),
    ("SIGSTKFLT", libc::SIGSTKFLT),
    ("SIGRTMIN", 34),
    ("SIGRTMAX", 64),
];

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    read_actions(vm)?;
    for (name, value) in NUMBERS {
        let name = vm.intern(name);
        dict.set_str(vm, &name, Value::from_i32(*value))?;
    }
    let ty = structseq::type_of(vm, &SIGINFO)?.to_value();
    let name = vm.intern("struct_siginfo");
    dict.set_str(vm, &name, ty)?;
    let base = oserror::builtin(vm, "OSError")?;
    let error = new_class(vm, "ItimerError", "signal", &[base])?;
    let name = vm.intern("ItimerError");
    dict.set_str(vm, &name, error.clone())?;
    let old = vm.state::<SignalState>().itimer_error.replace(vm, Some(error));
    drop(old);
    // The handler that `install` made is this module's function.
    let name = vm.intern("default_int_handler");
    if let (Some(handler), true) = (vm.state::<SignalState>().handlers.get(vm).get(libc::SIGINT as usize).cloned(), true)
        && !handler.is_small_int() && !handler.is_none() {
            dict.set_str(vm, &name, handler)?;
        }
    Ok(())
}

/// A new class with a module's name, as `PyErr_NewException` makes it.
pub fn new_class(vm: &mut Vm, name: &str, module: &str, bases: &[Value]) -> PyResult {
    let class = oserror::builtin(vm, "type")?;
    let dict = vm.new_dict()?;
    let key = vm.intern("__module__");
    let module = vm.intern(module).into_value();
    dict.set_str(vm, &key, module)?;
    let name = vm.intern(name).into_value();
    let bases = vm.new_tuple_from(bases)?.into_value();
    vm.call(&class, &[name, bases, dict.into_value()])
}

/// Whether a signal has a handler written in Python.
pub fn has_python_handler(vm: &mut Vm, signal: i32) -> bool {
    let handler = vm.state::<SignalState>().handlers.get(vm).get(signal as usize).cloned();
    handler.is_some_and(|h| !h.is_none() && !h.is_small_int())
}
