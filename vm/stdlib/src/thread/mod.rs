//! The `_thread` module: threads, locks, thread-local data.
//!
//! - `locks`: `lock` and `RLock`; `local`: `_local`; here: starting, joining and ending threads.
#![allow(unsafe_code, reason = "system calls; an interpreter's address goes to another thread")]

use crate::lock::RawLock;
use crate::oserror::{self, sys};
use crate::time;
use krait_runtime::eval::gil;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::structseq::{self, StructSeqDef};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::vm::Interpreter;
use krait_runtime::{GilCell, Py, PyResult, Raised, Value, Vm, n, pyclass, pyfunction, pymethods};
use std::cell::Cell;
use std::sync::{Arc, Weak};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

mod local;
mod locks;

/// What a thread's stack has beyond the asked-for size, so that even small ones have room for Python code.
const EXTRA_STACK: usize = 1 << 20;
/// Stack of new threads when nobody asked for another size.
const DEFAULT_STACK: usize = 16 << 20;

/// The interpreter's threads.
#[derive(Default)]
pub struct ThreadState {
    /// Threads that run, besides the main one.
    count: Cell<usize>,
    /// Asked-for stack size; 0 for the default.
    stack_size: Cell<usize>,
    main: Cell<u64>,
    /// Handles of threads that are joined before the interpreter ends.
    joined_at_exit: GilCell<Vec<Py<ThreadHandle>>>,
    /// What all handles share with their threads.
    handles: GilCell<Vec<Weak<Shared>>>,
    /// Addresses of all `_local` objects; each takes itself out when it dies.
    pub(crate) locals: GilCell<Vec<usize>>,
}

/// Threads that run, besides the main one.
pub fn running(vm: &mut Vm) -> usize {
    vm.state::<ThreadState>().count.get()
}

/// The calling thread's identifier.
pub fn ident() -> u64 {
    sys!(libc::pthread_self()) as u64
}

/// Called in the child of a fork: only the calling thread is left.
pub fn after_fork(vm: &mut Vm) {
    let state = vm.state::<ThreadState>();
    state.count.set(0);
    state.main.set(ident());
    vm.eval.is_main = true;
    let old = state.joined_at_exit.replace(vm, Vec::new());
    for shared in state.handles.load(vm).iter().filter_map(Weak::upgrade) {
        let running = matches!(shared.state.load(Ordering::SeqCst), STARTING | RUNNING);
        if running && shared.ident.load(Ordering::SeqCst) != ident() {
            shared.finish();
        }
    }
    drop(old);
}

const NOT_STARTED: u8 = 0;
const STARTING: u8 = 1;
const RUNNING: u8 = 2;
const DONE: u8 = 3;

/// What a thread and its handle share.
struct Shared {
    state: AtomicU8,
    ident: AtomicU64,
    /// Locked until the thread is done.
    done: RawLock,
}

impl Shared {
    fn new(vm: &mut Vm) -> Arc<Shared> {
        let done = RawLock::new();
        done.try_acquire();
        let shared = Arc::new(Shared { state: AtomicU8::new(NOT_STARTED), ident: AtomicU64::new(0), done });
        let handles = vm.state::<ThreadState>().handles.get_mut(vm);
        if handles.len() == handles.capacity() {
            handles.retain(|h| h.strong_count() > 0);
        }
        handles.push(Arc::downgrade(&shared));
        shared
    }

    fn finish(&self) {
        if self.state.swap(DONE, Ordering::SeqCst) != DONE {
            self.done.release();
        }
    }
}

/// Handle of a thread that can be joined.
#[pyclass(name = "_ThreadHandle", module = "_thread")]
pub struct ThreadHandle {
    #[traverse(skip)]
    shared: Arc<Shared>,
}

#[pymethods]
impl ThreadHandle {
    #[new]
    fn new(cls: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<ThreadHandle>> {
        let shared = Shared::new(vm);
        vm.new_instance(cls, ThreadHandle { shared })
    }

    /// The thread's identifier.
    #[getter]
    fn ident(&self) -> u64 {
        self.shared.ident.load(Ordering::SeqCst)
    }

    /// Waits until the thread is done, or so many seconds.
    #[method(sig = "(timeout=None, /)", text = "")]
    fn join(&self, timeout: Value, vm: &mut Vm) -> PyResult<()> {
        let nanos = if timeout.is_none() { -1 } else { time::to_time(vm, &timeout, time::Round::Up)?.max(0) };
        let shared = Arc::clone(&self.shared);
        match shared.state.load(Ordering::SeqCst) {
            NOT_STARTED => return Err(vm.runtime_error("thread not started")),
            RUNNING if shared.ident.load(Ordering::SeqCst) == ident() => return Err(vm.runtime_error("Cannot join current thread")),
            DONE => return Ok(()),
            // The thread does not run any more, and so cannot end.
            _ if vm.interp.finalizing.get() => {
                let text = vm.new_str("cannot join thread at interpreter shutdown")?.into_value();
                return Err(oserror::raise_named(vm, "PythonFinalizationError", &[text]));
            }
            _ => {}
        }
        if shared.done.acquire(vm, nanos)? {
            shared.done.release();
        }
        Ok(())
    }

    /// Whether the thread is done.
    #[method]
    fn is_done(&self) -> bool {
        self.shared.state.load(Ordering::SeqCst) == DONE
    }

    /// Marks the thread as done.
    #[method]
    fn _set_done(&self, vm: &mut Vm) -> PyResult<()> {
        match self.shared.state.load(Ordering::SeqCst) {
            NOT_STARTED | STARTING => Err(vm.runtime_error("thread not started")),
            _ => {
                self.shared.finish();
                Ok(())
            }
        }
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Self>) -> String {
        format!("<_ThreadHandle object: ident={}>", zelf.shared.ident.load(Ordering::SeqCst))
    }
}

/// The handle of a thread that runs already, by its identifier.
#[pyfunction(sig = "(ident, /)")]
fn _make_thread_handle(ident: u64, vm: &mut Vm) -> PyResult<Py<ThreadHandle>> {
    let shared = Shared::new(vm);
    shared.state.store(RUNNING, Ordering::SeqCst);
    shared.ident.store(ident, Ordering::SeqCst);
    vm.new_object(ThreadHandle { shared })
}

/// An interpreter's address on its way to a new thread.
struct Home(&'static Interpreter);
// SAFETY: the new thread uses the interpreter only with its GIL.
unsafe impl Send for Home {}

impl Home {
    fn get(self) -> &'static Interpreter {
        self.0
    }
}

struct Start {
    function: Value,
    args: Py<Tuple>,
    kwargs: Option<Py<Dict>>,
    shared: Arc<Shared>,
}

// SAFETY: the values are used and dropped by the new thread while it holds the GIL.
unsafe impl Send for Start {}

fn finalizing(vm: &mut Vm) -> Raised {
    match vm.new_str("can't create new thread at interpreter shutdown") {
        Ok(text) => oserror::raise_named(vm, "PythonFinalizationError", &[text.into_value()]),
        Err(e) => e,
    }
}

fn spawn(vm: &mut Vm, start: Start) -> PyResult<u64> {
    let state = vm.state::<ThreadState>();
    if vm.interp.finalizing.get() {
        return Err(finalizing(vm));
    }
    let size = match state.stack_size.get() {
        0 => DEFAULT_STACK,
        n => n,
    };
    let shared = Arc::clone(&start.shared);
    shared.state.store(STARTING, Ordering::SeqCst);
    let (home, ready) = (Home(vm.interp), Arc::new(RawLock::new()));
    ready.try_acquire();
    let signal = Arc::clone(&ready);
    let spawned = std::thread::Builder::new().stack_size(size + EXTRA_STACK + (64 << 10)).spawn(move || {
        start.shared.ident.store(ident(), Ordering::SeqCst);
        start.shared.state.store(RUNNING, Ordering::SeqCst);
        signal.release();
        run(home.get(), start, size + EXTRA_STACK);
    });
    match spawned {
        Ok(_) => {
            state.count.set(state.count.get() + 1);
            ready.acquire_quietly(vm);
            Ok(shared.ident.load(Ordering::SeqCst))
        }
        Err(_) => {
            shared.state.store(NOT_STARTED, Ordering::SeqCst);
            Err(vm.runtime_error("can't start new thread"))
        }
    }
}

fn run(interp: &'static Interpreter, start: Start, stack: usize) {
    let mut vm = gil::attach(interp, stack);
    vm.eval.thread_id = ident();
    let Start { function, args, kwargs, shared } = start;
    let result = vm.call_tuple_dict(&function, &args, kwargs.as_ref());
    if let Err(raised) = result {
        report(&mut vm, raised, &function);
    }
    drop((function, args, kwargs));
    vm.run_pending();
    local::thread_ends(&mut vm);
    vm.run_pending();
    let state = vm.state::<ThreadState>();
    state.count.set(state.count.get().saturating_sub(1));
    shared.finish();
    gil::detach(vm);
}

fn report(vm: &mut Vm, raised: Raised, function: &Value) {
    let Ok(exit) = oserror::builtin(vm, "SystemExit") else { return };
    if !raised.exception().as_value().ty().as_value().is_same(&exit) {
        let text = vm.repr(function).map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let message = format!("Exception ignored in thread started by {text}");
        krait_runtime::types::exceptions::unraisable::report_with(vm, raised, Some(&message), None);
    }
}

fn call_arguments(vm: &mut Vm, function: &Value, args: &Value, kwargs: Option<&Value>) -> PyResult<(Py<Tuple>, Option<Py<Dict>>)> {
    if function.ty().slots.call.get().is_none() {
        return Err(vm.type_error("first arg must be callable"));
    }
    let Some(args) = args.downcast::<Tuple>().cloned() else { return Err(vm.type_error("2nd arg must be a tuple")) };
    let kwargs = match kwargs {
        None => None,
        Some(k) => match k.downcast::<Dict>() {
            Some(d) => Some(d.clone()),
            None => return Err(vm.type_error("optional 3rd arg must be a dictionary")),
        },
    };
    Ok((args, kwargs))
}

/// Starts a thread that calls function with args and kwargs; returns its identifier.
#[pyfunction(sig = "(function, args, kwargs=?, /)", text = "(function, args, kwargs={}, /)")]
fn start_new_thread(function: Value, args: &Value, kwargs: Option<Value>, vm: &mut Vm) -> PyResult<u64> {
    let (args, kwargs) = call_arguments(vm, &function, args, kwargs.as_ref())?;
    let named = kwargs.as_ref().map_or_else(Value::none, |k| k.to_value());
    check_allowed(vm, true)?;
    vm.audit("_thread.start_new_thread", &[function.clone(), args.to_value(), named])?;
    let shared = Shared::new(vm);
    spawn(vm, Start { function, args, kwargs, shared })
}

/// The old name of start_new_thread().
#[pyfunction(sig = "(function, args, kwargs=?, /)", text = "(function, args, kwargs={}, /)")]
fn start_new(function: Value, args: &Value, kwargs: Option<Value>, vm: &mut Vm) -> PyResult<u64> {
    start_new_thread(function, args, kwargs, vm)
}

/// Starts a thread that calls function without arguments; returns a handle to join it. Threads that are no daemons are joined before the interpreter ends.
#[pyfunction(sig = "(function, handle=None, daemon=True)")]
fn start_joinable_thread(function: Value, handle: Value, daemon: bool, vm: &mut Vm) -> PyResult<Py<ThreadHandle>> {
    if function.ty().slots.call.get().is_none() {
        return Err(vm.type_error("thread function must be callable"));
    }
    check_allowed(vm, daemon)?;
    vm.audit("_thread.start_joinable_thread", &[function.clone(), Value::from_i32(i32::from(daemon)), handle.clone()])?;
    let handle = if handle.is_none() {
        let shared = Shared::new(vm);
        vm.new_object(ThreadHandle { shared })?
    } else {
        match handle.into_py::<ThreadHandle>() {
            Ok(h) => h,
            Err(_) => return Err(vm.type_error("'handle' must be a _ThreadHandle")),
        }
    };
    if handle.shared.state.load(Ordering::SeqCst) != NOT_STARTED {
        return Err(vm.runtime_error("thread already started"));
    }
    let args = vm.new_tuple(Vec::new())?;
    spawn(vm, Start { function, args, kwargs: None, shared: Arc::clone(&handle.shared) })?;
    if !daemon {
        let state = vm.state::<ThreadState>();
        state.joined_at_exit.get_mut(vm).push(handle.clone());
    }
    Ok(handle)
}

/// Waits for the threads that are no daemons.
#[pyfunction]
fn _shutdown(vm: &mut Vm) -> PyResult<()> {
    loop {
        let state = vm.state::<ThreadState>();
        let Some(handle) = state.joined_at_exit.get_mut(vm).pop() else { return Ok(()) };
        if handle.shared.ident.load(Ordering::SeqCst) == ident() {
            continue;
        }
        if let Err(e) = handle.join(Value::none(), vm) {
            vm.unraisable(e, &Value::none());
        }
    }
}

/// The calling thread's identifier.
#[pyfunction]
fn get_ident() -> u64 {
    ident()
}

/// The calling thread's identifier in the system.
#[pyfunction]
fn get_native_id() -> i64 {
    sys!(libc::syscall(libc::SYS_gettid))
}

/// The main thread's identifier.
#[pyfunction]
fn _get_main_thread_ident(vm: &mut Vm) -> u64 {
    vm.state::<ThreadState>().main.get()
}

/// How many threads run, besides the main one.
#[pyfunction]
fn _count(vm: &mut Vm) -> usize {
    running(vm)
}

/// Whether this is the main interpreter.
#[pyfunction]
fn _is_main_interpreter() -> bool {
    true
}

/// Whether daemon threads may be started.
#[pyfunction]
fn daemon_threads_allowed(vm: &mut Vm) -> bool {
    vm.interp.features.get().daemon_threads
}

/// RuntimeError if the interpreter was started without threads, or daemon threads.
fn check_allowed(vm: &mut Vm, daemon: bool) -> PyResult<()> {
    let features = vm.interp.features.get();
    if !features.threads {
        return Err(vm.runtime_error("thread is not supported for isolated subinterpreters"));
    }
    if daemon && !features.daemon_threads {
        return Err(vm.runtime_error("daemon threads are disabled in this interpreter"));
    }
    Ok(())
}

/// Raises SystemExit, which ends the thread quietly.
#[pyfunction]
fn exit(vm: &mut Vm) -> PyResult {
    Err(oserror::raise_named(vm, "SystemExit", &[]))
}

/// The old name of exit().
#[pyfunction]
fn exit_thread(vm: &mut Vm) -> PyResult {
    Err(oserror::raise_named(vm, "SystemExit", &[]))
}

/// Makes a lock.
#[pyfunction]
fn allocate_lock(vm: &mut Vm) -> PyResult<Py<locks::Lock>> {
    vm.new_object(locks::Lock::default())
}

/// The old name of allocate_lock().
#[pyfunction]
fn allocate(vm: &mut Vm) -> PyResult<Py<locks::Lock>> {
    vm.new_object(locks::Lock::default())
}

/// Acts as if a signal had come in, which the main thread will handle.
#[pyfunction(sig = "(signum=?, /)", text = "(signum=signal.SIGINT, /)")]
fn interrupt_main(signum: Option<i32>, vm: &mut Vm) -> PyResult<()> {
    let signal = signum.unwrap_or(libc::SIGINT);
    if !(1..65).contains(&signal) {
        return Err(vm.value_error("signal number out of range"));
    }
    if crate::signal::has_python_handler(vm, signal) {
        crate::signal::trip_signal(signal);
    }
    crate::signal::check_signals(vm)
}

/// The size of new threads' stacks, 0 for the default; with a size, that is set and the old one returned.
#[pyfunction(sig = "(size=0, /)")]
fn stack_size(size: isize, vm: &mut Vm) -> PyResult<usize> {
    let Ok(size) = usize::try_from(size) else { return Err(vm.value_error("size must be 0 or a positive value")) };
    if size != 0 && size < 32768 {
        return Err(vm.value_error(format!("size not valid: {size} bytes")));
    }
    let state = vm.state::<ThreadState>();
    let old = state.stack_size.get();
    state.stack_size.set(size);
    Ok(old)
}

/// Names the calling thread for the system.
#[pyfunction(sig = "(name)")]
fn set_name(name: &Py<krait_runtime::types::str_::Str>, vm: &mut Vm) -> PyResult<()> {
    let mut bytes: Vec<u8> = crate::fspath::fsencode_lossless(name).into_iter().take_while(|&b| b != 0).collect();
    bytes.truncate(15);
    let name = std::ffi::CString::new(bytes).unwrap_or_default();
    match sys!(libc::pthread_setname_np(libc::pthread_self(), name.as_ptr())) {
        0 => Ok(()),
        code => Err(oserror::os_error(vm, code)),
    }
}

/// The calling thread's name in the system.
#[pyfunction]
fn _get_name(vm: &mut Vm) -> PyResult {
    let mut buffer = [0u8; 100];
    match sys!(libc::pthread_getname_np(libc::pthread_self(), buffer.as_mut_ptr().cast(), buffer.len())) {
        0 => {
            let end = buffer.iter().position(|&b| b == 0).unwrap_or(0);
            Ok(crate::fspath::fsdecode(vm, buffer.get(..end).unwrap_or_default())?.into_value())
        }
        code => Err(oserror::os_error(vm, code)),
    }
}

/// `threading.ExceptHookArgs`.
static EXCEPT_HOOK_ARGS: StructSeqDef = StructSeqDef {
    name: "_thread._ExceptHookArgs",
    doc: "Type used to pass arguments to threading.excepthook.",
    fields: &[("exc_type", "Exception type"), ("exc_value", "Exception value"), ("exc_traceback", "Exception traceback"), ("thread", "Thread")],
    in_sequence: 4,
};

/// Reports an exception that ended a thread: on sys.stderr, unless it is SystemExit.
#[pyfunction(sig = "(args, /)")]
fn _excepthook(args: &Value, vm: &mut Vm) -> PyResult<()> {
    if !structseq::type_of(vm, &EXCEPT_HOOK_ARGS)?.is(args.ty()) {
        return Err(vm.type_error("_thread._excepthook argument type must be ExceptHookArgs"));
    }
    let items = args.downcast::<Tuple>().map(|t| t.items().to_vec()).unwrap_or_default();
    let [class, value, traceback, thread] = items.as_slice() else { return Ok(()) };
    let exit = oserror::builtin(vm, "SystemExit")?;
    if class.is_same(&exit) {
        return Ok(());
    }
    let stderr = vm.interp.sys_dict.load(vm).and_then(|d| d.get_str(vm, n!(stderr)).cloned());
    let stderr = stderr.filter(|f| !f.is_none());
    let is_there = stderr.is_some();
    let file = match stderr {
        Some(file) => file,
        None if thread.is_none() => return Ok(()),
        None => match vm.getattr_str(thread, "_stderr")? {
            file if file.is_none() => return Ok(()),
            file => file,
        },
    };
    let name = if thread.is_none() { None } else { Some(vm.getattr_str(thread, "_name")?) };
    let name = match name {
        Some(name) => vm.str(&name)?.to_string_lossy().into_owned(),
        None => ident().to_string(),
    };
    let line = vm.new_str(&format!("Exception in thread {name}:\n"))?.into_value();
    vm.call_method(&file, n!(write), &[line])?;
    let hook = vm.intern("__excepthook__");
    let hook = vm.interp.sys_dict.load(vm).and_then(|d| d.get_str(vm, &hook).cloned());
    if !is_there {
        // sys.stderr was lost after the thread began; the thread has kept it.
        let text = krait_runtime::types::traceback::describe_exception(vm, value)?;
        let text = vm.new_str(&text)?.into_value();
        vm.call_method(&file, n!(write), &[text])?;
    } else if let Some(hook) = hook {
        vm.call(&hook, &[class.clone(), value.clone(), traceback.clone()])?;
    }
    vm.call_method(&file, n!(flush), &[]).map(drop)
}

krait_runtime::module! {
    "_thread",
    doc: "Threads and locks; `threading` is built on this.",
    functions: [
        _make_thread_handle, start_new_thread, start_new, start_joinable_thread, _shutdown, get_ident, get_native_id, _get_main_thread_ident,
        _count, _is_main_interpreter, daemon_threads_allowed, exit, exit_thread, allocate_lock, allocate, interrupt_main, stack_size, set_name,
        _get_name, _excepthook,
    ],
    types: [locks::Lock, locks::RLock, local::Local, ThreadHandle],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let state = vm.state::<ThreadState>();
    if state.main.get() == 0 {
        state.main.set(ident());
        vm.eval.thread_id = ident();
    }
    let lock = <locks::Lock as krait_runtime::PyClass>::static_type().ready(vm)?.to_value();
    let error = oserror::builtin(vm, "RuntimeError")?;
    let args = structseq::type_of(vm, &EXCEPT_HOOK_ARGS)?.to_value();
    let timeout = vm.new_float((i64::MAX / 1_000_000_000) as f64)?;
    let values = [("LockType", lock), ("error", error), ("_ExceptHookArgs", args), ("TIMEOUT_MAX", timeout), ("_NAME_MAXLEN", Value::from_i32(15))];
    for (name, value) in values {
        let name = vm.intern(name);
        dict.set_str(vm, &name, value)?;
    }
    Ok(())
}
