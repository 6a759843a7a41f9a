//! The `sys` module.

use crate::config::Config;
use crate::types::type_::PyType;
use crate::types::dict::Dict;
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyClass, PyResult, Value, Vm, pyfunction};

mod info;
mod stdlib_names;
mod jit;
pub mod monitoring;
mod hooks;
pub mod remote;
pub use hooks::print_exception;
pub use info::VERSION;

use remote::{is_remote_debug_enabled, remote_exec};
use hooks::{_setprofileallthreads, _settraceallthreads, addaudithook, audit, breakpointhook, displayhook, excepthook, getprofile, gettrace, setprofile, settrace, unraisablehook};

/// The current exception's type, value and traceback; three times None outside handlers.
#[pyfunction]
fn exc_info(vm: &mut Vm) -> PyResult {
    let parts = match vm.handled_exception() {
        Some(e) => {
            let traceback = e.traceback.load(vm).unwrap_or_else(Value::none);
            vec![e.as_value().ty().to_value(), e.to_value(), traceback]
        }
        None => vec![Value::none(), Value::none(), Value::none()],
    };
    Ok(vm.new_tuple(parts)?.into_value())
}

/// The exception that is being handled, or None.
#[pyfunction]
fn exception(vm: &mut Vm) -> Value {
    vm.handled_exception().map_or_else(Value::none, |e| e.to_value())
}

/// Exit the interpreter by raising SystemExit(status).
#[pyfunction(sig = "(status=None, /)")]
fn exit(status: Value, vm: &mut Vm) -> PyResult<()> {
    let args = match status.downcast::<crate::types::tuple::Tuple>() {
        _ if status.is_none() => Vec::new(),
        Some(t) => t.items().to_vec(),
        _ => vec![status],
    };
    let class = crate::types::exceptions::SystemExit::static_type().ready(vm)?.to_value();
    let exception = vm.call(&class, &args)?;
    Err(vm.raise_object(exception))
}

/// The reference count of the object, the argument's own reference included.
#[pyfunction(sig = "(object, /)")]
fn getrefcount(object: &Value) -> u64 {
    object.header().map_or(u64::from(krait_heap::IMMORTAL) * 2 - 1, |h| if h.refcnt() >= krait_heap::IMMORTAL { 3_221_225_472 } else { u64::from(h.refcnt()) })
}

/// Intern a string: equal interned strings are one object.
#[pyfunction(sig = "(string, /)")]
fn intern(string: &Value, vm: &mut Vm) -> PyResult<Py<Str>> {
    match string.downcast::<Str>() {
        Some(s) if s.is_exact() => Ok(vm.intern_object(s)),
        _ => {
            let name = string.type_name();
            Err(vm.type_error(if string.is::<Str>() { format!("can't intern {name}") } else { format!("intern() argument must be str, not {name}") }))
        }
    }
}

/// Whether the string is interned.
#[pyfunction(sig = "(string, /)")]
fn _is_interned(string: &Py<Str>) -> bool {
    string.is_interned()
}

/// Whether the object lives as long as the process.
#[pyfunction(sig = "(op, /)")]
fn _is_immortal(op: &Value) -> bool {
    op.header().is_none_or(|h| h.refcnt() >= krait_heap::IMMORTAL)
}

/// The size of the object in bytes; default is returned if it cannot tell.
#[pyfunction(sig = "(object, default=?)", text = "")]
fn getsizeof(object: &Value, default: Option<Value>, vm: &mut Vm) -> PyResult {
    let method = vm.intern("__sizeof__");
    let found = match vm.call_special(object, &method, &[]) {
        Ok(Some(size)) => whole_size(vm, object, &size).map(Some),
        other => other,
    };
    match found {
        Ok(Some(size)) => Ok(size),
        Ok(None) => match default {
            Some(d) => Ok(d),
            None => {
                let name = object.type_name();
                Err(vm.type_error(format!("Type {name} doesn't define __sizeof__")))
            }
        },
        Err(e) => match default {
            Some(d) if vm.is_raised::<crate::types::exceptions::TypeError>(&e) => Ok(d),
            _ => Err(e),
        },
    }
}

/// The size with the links of the collector, which `__sizeof__` leaves out.
fn whole_size(vm: &mut Vm, object: &Value, size: &Value) -> PyResult {
    /// Two pointers before the header.
    const GC_LINKS: u64 = 16;
    let Some(number) = crate::types::int::IntRef::new(size) else { return Err(vm.type_error("an integer is required")) };
    let Some(bytes) = number.to_i64() else { return Err(vm.overflow_error("Python int too large to convert to C ssize_t")) };
    let Ok(bytes) = u64::try_from(bytes) else { return Err(vm.value_error("__sizeof__() should return >= 0")) };
    let links = if object.ty().has_flag(crate::types::class::flags::HAVE_GC) { GC_LINKS } else { 0 };
    vm.new_int(bytes.saturating_add(links))
}

/// The number of processors that the configuration sets, -1 if it does not.
#[pyfunction]
fn _get_cpu_count_config(vm: &mut Vm) -> i32 {
    vm.config().cpu_count.unwrap_or(-1)
}

/// Whether a lock keeps threads from running Python code at the same time.
#[pyfunction]
fn _is_gil_enabled() -> bool {
    true
}

/// The limit of nested Python calls.
#[pyfunction]
fn getrecursionlimit(vm: &mut Vm) -> u32 {
    vm.interp.recursion_limit.get()
}

/// Set the limit of nested Python calls.
#[pyfunction(sig = "(limit, /)")]
fn setrecursionlimit(limit: i32, vm: &mut Vm) -> PyResult<()> {
    let limit = match u32::try_from(limit) {
        Ok(n) if n > 0 => n,
        _ => return Err(vm.value_error("recursion limit must be greater or equal than 1")),
    };
    let depth = vm.eval.depth;
    if depth >= limit {
        return Err(vm.recursion_error(format!("cannot set the recursion limit to {limit} at the recursion depth {depth}: the limit is too low")));
    }
    vm.interp.recursion_limit.set(limit);
    Ok(())
}

/// How often threads take turns, in seconds.
#[pyfunction]
fn getswitchinterval(vm: &mut Vm) -> f64 {
    vm.interp.switch_interval.get()
}

/// Set how often threads take turns, in seconds.
#[pyfunction(sig = "(interval, /)")]
fn setswitchinterval(interval: f64, vm: &mut Vm) -> PyResult<()> {
    if interval.is_nan() || interval <= 0.0 {
        return Err(vm.value_error("switch interval must be strictly positive"));
    }
    vm.interp.switch_interval.set(interval);
    Ok(())
}

/// The name of the default encoding.
#[pyfunction]
fn getdefaultencoding() -> &'static str {
    "utf-8"
}

/// The encoding of file names.
#[pyfunction]
fn getfilesystemencoding() -> &'static str {
    "utf-8"
}

/// The error handler of file names.
#[pyfunction]
fn getfilesystemencodeerrors() -> &'static str {
    "surrogateescape"
}

/// The limit of digits in conversions between int and str.
#[pyfunction]
fn get_int_max_str_digits(vm: &mut Vm) -> i64 {
    vm.interp.int_max_str_digits.get()
}

/// Set the limit of digits in conversions between int and str; 0 lifts it.
#[pyfunction(sig = "(maxdigits)")]
fn set_int_max_str_digits(maxdigits: i64, vm: &mut Vm) -> PyResult<()> {
    if maxdigits != 0 && maxdigits < 640 {
        return Err(vm.value_error("maxdigits must be >= 640 or 0 for unlimited"));
    }
    vm.interp.int_max_str_digits.set(maxdigits);
    Ok(())
}

/// Number of memory blocks in use: the objects that the collector knows.
#[pyfunction]
fn getallocatedblocks() -> usize {
    krait_heap::gc::objects(None).len()
}

/// Number of interned strings.
#[pyfunction(sig = "(*, _only_immortal=False)")]
fn getunicodeinternedsize(_only_immortal: bool, vm: &mut Vm) -> usize {
    vm.interp.interned.get(vm).len()
}

/// Forget cached look-ups of attributes along types.
#[pyfunction]
fn _clear_type_cache(vm: &mut Vm) -> PyResult<()> {
    vm.warn_deprecated("sys._clear_type_cache() is deprecated and may be removed in a future version of Python. Use sys._clear_internal_caches() instead.")?;
    let interp = vm.interp;
    interp.method_cache.clear(vm);
    Ok(())
}

/// The frame that each thread is at, by thread identifier.
#[pyfunction]
fn _current_frames(vm: &mut Vm) -> PyResult {
    vm.audit("sys._current_frames", &[])?;
    let frames = vm.thread_frames()?;
    thread_dict(vm, frames)
}

/// The exception that each thread handles, by thread identifier.
#[pyfunction]
fn _current_exceptions(vm: &mut Vm) -> PyResult {
    vm.audit("sys._current_exceptions", &[])?;
    let exceptions = vm.thread_exceptions();
    thread_dict(vm, exceptions)
}

fn thread_dict(vm: &mut Vm, values: Vec<(u64, Value)>) -> PyResult {
    let dict = vm.new_dict()?;
    for (thread, value) in values {
        let key = vm.new_int(thread)?;
        dict.set(vm, &key, value)?;
    }
    Ok(dict.into_value())
}

/// Take the descriptors of __dict__ and __weakref__ out of a class, which dataclasses replace by a class with slots.
#[pyfunction(sig = "(type, /)")]
fn _clear_type_descriptors(type_: &Py<PyType>, vm: &mut Vm) -> PyResult<()> {
    if type_.has_flag(crate::types::class::flags::IMMUTABLETYPE) {
        return Err(vm.type_error("argument is immutable"));
    }
    let Some(dict) = type_.dict.load(vm) else { return Ok(()) };
    for name in [n!(__dict__), n!(__weakref__)] {
        let old = dict.remove_str(vm, name);
        crate::types::typeobject::after_change(vm, type_, name);
        drop(old);
    }
    Ok(())
}

/// Forget all caches that do no harm when gone.
#[pyfunction]
fn _clear_internal_caches(vm: &mut Vm) {
    let interp = vm.interp;
    interp.method_cache.clear(vm);
}

/// Whether the interpreter is shutting down.
#[pyfunction]
fn is_finalizing(vm: &mut Vm) -> bool {
    vm.interp.finalizing.get()
}

/// Whether perf trampolines and the like are on; they are not part of this implementation.
#[pyfunction]
fn is_stack_trampoline_active() -> bool {
    false
}

/// The frame of the caller, or of a caller further out.
#[pyfunction(sig = "(depth=0, /)")]
fn _getframe(depth: i32, vm: &mut Vm) -> PyResult {
    match vm.frame_object(usize::try_from(depth).unwrap_or(0))? {
        Some(frame) => {
            vm.audit("sys._getframe", &[frame.to_value()])?;
            Ok(frame.into_value())
        }
        None => Err(vm.value_error("call stack is not deep enough")),
    }
}

/// The name of the module that the caller, or a caller further out, runs in.
#[pyfunction(sig = "(depth=0)")]
fn _getframemodulename(depth: i32, vm: &mut Vm) -> PyResult {
    vm.audit("sys._getframemodulename", &[Value::from_i32(depth)])?;
    let Some(frame) = vm.frame_object(usize::try_from(depth).unwrap_or(0))? else { return Ok(Value::none()) };
    let globals = vm.getattr_str(frame.as_value(), "f_globals")?;
    match globals.downcast::<Dict>() {
        Some(d) => Ok(d.get_str(vm, n!(__name__)).cloned().unwrap_or_else(Value::none)),
        None => Ok(Value::none()),
    }
}

/// Call a function; kept for old debuggers.
#[pyfunction(sig = "(func, args, /)")]
fn call_tracing(func: &Value, args: &Py<crate::types::tuple::Tuple>, vm: &mut Vm) -> PyResult {
    // A debugger traces what it evaluates, even from within its tracing function.
    let tracing = std::mem::replace(&mut vm.eval.tracing, 0);
    let result = vm.call(func, args.items());
    vm.eval.tracing = tracing;
    result
}

/// The flags of dynamic loading.
#[pyfunction]
fn getdlopenflags(vm: &mut Vm) -> i32 {
    vm.interp.dlopen_flags.get()
}

/// Set the flags of dynamic loading.
#[pyfunction(sig = "(flags, /)")]
fn setdlopenflags(flags: i32, vm: &mut Vm) {
    vm.interp.dlopen_flags.set(flags);
}

/// The hooks of asynchronous generators.
#[pyfunction]
fn get_asyncgen_hooks(vm: &mut Vm) -> PyResult {
    let (first, last) = hooks::asyncgen(vm);
    info::asyncgen_hooks(vm, first, last)
}

/// Set the hooks that a new asynchronous generator calls when it is first iterated, and when it is finalized.
#[pyfunction]
fn set_asyncgen_hooks(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let (mut first, mut last) = hooks::asyncgen(vm);
    let names = ["firstiter", "finalizer"];
    let given = args.positional().iter().enumerate().map(|(i, v)| (names.get(i).copied().unwrap_or(""), v.clone()));
    let given: Vec<(String, Value)> = given
        .map(|(n, v)| (n.to_owned(), v))
        .chain(args.keywords().map(|(k, v)| (k.downcast::<Str>().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default(), v.clone())))
        .collect();
    for (name, value) in given {
        if !value.is_none() && value.ty().slots.call.get().is_none() {
            let got = value.type_name();
            return Err(vm.type_error(format!("callable {name} expected, got {got}")));
        }
        match name.as_str() {
            "firstiter" => first = value,
            "finalizer" => last = value,
            _ => return Err(vm.type_error(format!("set_asyncgen_hooks() got an unexpected keyword argument '{name}'"))),
        }
    }
    vm.eval.asyncgen_firstiter = Some(first).filter(|h| !h.is_none());
    vm.eval.asyncgen_finalizer = Some(last).filter(|h| !h.is_none());
    Ok(())
}

/// How much of a coroutine's origin is recorded.
#[pyfunction]
fn get_coroutine_origin_tracking_depth(vm: &mut Vm) -> i32 {
    vm.eval.coroutine_origin_depth as i32
}

/// Set how many frames of a coroutine's origin are recorded; 0 for none.
#[pyfunction(sig = "(depth)")]
fn set_coroutine_origin_tracking_depth(depth: i32, vm: &mut Vm) -> PyResult<()> {
    if depth < 0 {
        return Err(vm.value_error("depth must be >= 0"));
    }
    vm.eval.coroutine_origin_depth = depth as u32;
    Ok(())
}

crate::module! {
    "sys",
    doc: "Access to what the interpreter uses or keeps, and to functions that act on it.",
    functions: [
        exc_info, exception, exit, getrefcount, intern, _is_interned, _is_immortal, getsizeof, _get_cpu_count_config, _is_gil_enabled,
        is_remote_debug_enabled, remote_exec, getrecursionlimit, setrecursionlimit, getswitchinterval,
        setswitchinterval, getdefaultencoding, getfilesystemencoding, getfilesystemencodeerrors, get_int_max_str_digits,
        set_int_max_str_digits, getallocatedblocks, getunicodeinternedsize, _clear_type_cache, _current_frames, _current_exceptions, _clear_type_descriptors, _clear_internal_caches, is_finalizing,
        is_stack_trampoline_active, _getframe, _getframemodulename, call_tracing, getdlopenflags, setdlopenflags, get_asyncgen_hooks, set_asyncgen_hooks,
        get_coroutine_origin_tracking_depth, set_coroutine_origin_tracking_depth, excepthook, displayhook, unraisablehook, breakpointhook, audit,
        addaudithook, settrace, gettrace, setprofile, getprofile, _settraceallthreads, _setprofileallthreads,
    ],
    types: [],
    exec: init,
    single: true,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    info::init(vm, dict)?;
    let (name, jit) = (vm.intern("_jit"), crate::module::create(vm, &jit::MODULE)?);
    dict.set_str(vm, &name, jit.into_value())?;
    let (name, monitoring) = (vm.intern("monitoring"), crate::module::create(vm, &monitoring::MODULE)?);
    dict.set_str(vm, &name, monitoring.into_value())?;
    for name in ["displayhook", "excepthook", "breakpointhook", "unraisablehook"] {
        let plain = vm.intern(name);
        let kept = vm.intern(&format!("__{name}__"));
        if let Some(hook) = dict.get_str(vm, &plain).cloned() {
            dict.set_str(vm, &kept, hook)?;
        }
    }
    Ok(())
}

impl Vm {
    /// `sys.NAME`.
    pub fn sys_get(&mut self, name: &str) -> Option<Value> {
        let name = self.intern(name);
        let dict = self.interp.sys_dict.load(self)?;
        dict.get_str(self, &name).cloned()
    }

    /// `sys.NAME = value`.
    pub fn sys_set(&mut self, name: &str, value: Value) -> PyResult<()> {
        let name = self.intern(name);
        match self.interp.sys_dict.load(self) {
            Some(dict) => dict.set_str(self, &name, value),
            None => Ok(()),
        }
    }

    /// `sys.audit(event, *args)`: calls the hooks, if there are any.
    pub fn audit(&mut self, event: &str, args: &[Value]) -> PyResult<()> {
        hooks::run_audit_hooks(self, event, args)
    }

    /// The same, the arguments made only if there are hooks.
    pub fn audit_with(&mut self, event: &str, args: impl FnOnce(&mut Vm) -> PyResult<Vec<Value>>) -> PyResult<()> {
        if self.interp.audit_hooks.get(self).is_empty() {
            return Ok(());
        }
        let args = args(self)?;
        hooks::run_audit_hooks(self, event, &args)
    }

    /// Tells the audit hooks that an attribute of an object is read or set around the usual ways.
    pub fn audit_attribute(&mut self, event: &str, object: &Value, name: &str, value: Option<&Value>) -> PyResult<()> {
        self.audit_with(event, |vm| {
            let mut args = vec![object.clone(), vm.new_str(name)?.into_value()];
            args.extend(value.cloned());
            Ok(args)
        })
    }

    /// The settings.
    pub fn config(&self) -> &'static Config {
        self.interp.config()
    }
}
