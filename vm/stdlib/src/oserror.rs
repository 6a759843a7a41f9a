//! Raising OSError from `errno`, and calling the system: with the GIL let go, again after interruptions (PEP 475).

use crate::signal::check_signals;
use krait_runtime::{PyResult, Raised, Value, Vm};

/// The `errno` that the last system call left.
pub fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// What the C library says about an error number.
pub fn strerror(code: i32) -> String {
    crate::posix::sys::strerror(code)
}

/// A builtin exception class (or any other builtin) by name.
pub fn builtin(vm: &mut Vm, name: &str) -> PyResult<Value> {
    let key = vm.intern(name);
    let found = vm.interp.builtins.load(vm).and_then(|b| b.get_str(vm, &key).cloned());
    found.ok_or_else(|| vm.system_error(format!("there is no builtin '{name}'")))
}

/// Raises what calling `class` with `args` makes.
pub fn raise_class(vm: &mut Vm, class: &Value, args: &[Value]) -> Raised {
    match vm.call(class, args) {
        Ok(exception) => vm.raise_object(exception),
        Err(e) => e,
    }
}

/// Raises a builtin exception by name.
pub fn raise_named(vm: &mut Vm, name: &str, args: &[Value]) -> Raised {
    match builtin(vm, name) {
        Ok(class) => raise_class(vm, &class, args),
        Err(e) => e,
    }
}

/// OSError (the subclass that belongs to `code`).
pub fn os_error(vm: &mut Vm, code: i32) -> Raised {
    os_error_files(vm, code, None, None)
}

/// OSError about a file.
pub fn os_error_file(vm: &mut Vm, code: i32, file: &Value) -> Raised {
    os_error_files(vm, code, Some(file), None)
}

/// OSError about one or two files.
pub fn os_error_files(vm: &mut Vm, code: i32, file: Option<&Value>, file2: Option<&Value>) -> Raised {
    let text = match vm.new_str(&strerror(code)) {
        Ok(t) => t.into_value(),
        Err(e) => return e,
    };
    let mut args = vec![Value::from_i32(code), text];
    if let Some(file) = file {
        args.push(file.clone());
    }
    if let Some(file2) = file2 {
        args.push(Value::none());
        args.push(file2.clone());
    }
    raise_named(vm, "OSError", &args)
}

/// What system calls return: -1 says failure.
pub trait SysResult: Copy {
    /// Whether this is -1.
    fn failed(self) -> bool;
}

impl SysResult for i32 {
    fn failed(self) -> bool {
        self == -1
    }
}

impl SysResult for isize {
    fn failed(self) -> bool {
        self == -1
    }
}

impl SysResult for i64 {
    fn failed(self) -> bool {
        self == -1
    }
}

/// Calls `f` with the GIL let go, again as long as signals interrupt it and their handlers return. The inner error is the `errno`.
pub fn retry<R: SysResult>(vm: &mut Vm, mut f: impl FnMut() -> R) -> PyResult<Result<R, i32>> {
    loop {
        let (result, code) = vm.allow_threads(|| {
            let result = f();
            (result, if result.failed() { errno() } else { 0 })
        });
        if !result.failed() {
            return Ok(Ok(result));
        }
        if code != libc::EINTR {
            return Ok(Err(code));
        }
        check_signals(vm)?;
    }
}

/// [`retry`], the error raised.
pub fn call<R: SysResult>(vm: &mut Vm, f: impl FnMut() -> R) -> PyResult<R> {
    match retry(vm, f)? {
        Ok(r) => Ok(r),
        Err(code) => Err(os_error(vm, code)),
    }
}

/// Calls `f` once with the GIL let go and raises its error.
pub fn call_once<R: SysResult>(vm: &mut Vm, f: impl FnOnce() -> R) -> PyResult<R> {
    match once(vm, f) {
        Ok(r) => Ok(r),
        Err(code) => Err(os_error(vm, code)),
    }
}

/// Calls `f` once with the GIL let go.
pub fn once<R: SysResult>(vm: &mut Vm, f: impl FnOnce() -> R) -> Result<R, i32> {
    let (result, code) = vm.allow_threads(|| {
        let result = f();
        (result, if result.failed() { errno() } else { 0 })
    });
    if result.failed() { Err(code) } else { Ok(result) }
}

/// Result of a call that does not block.
pub fn check<R: SysResult>(vm: &mut Vm, result: R) -> PyResult<R> {
    if result.failed() {
        let code = errno();
        return Err(os_error(vm, code));
    }
    Ok(result)
}

/// Calls the C library: numbers, and pointers to live buffers with their true lengths.
macro_rules! sys {
    ($($call:tt)*) => {{
        // SAFETY: the arguments are numbers, null-terminated strings held by the caller, and pointers to live values or buffers of the length given.
        unsafe { $($call)* }
    }};
}
pub(crate) use sys;
