//! Hooks of `sys`: display, exceptions, unraisable exceptions, audit, tracing.

use crate::types::exceptions::BaseException;
use crate::types::value::ValueExt;
use crate::{Args, PyClass, PyResult, Value, Vm, pyfunction};

/// Print an object as the interactive prompt does, and keep it in `builtins._`.
#[pyfunction(sig = "(object, /)")]
pub fn displayhook(object: Value, vm: &mut Vm) -> PyResult<()> {
    if object.is_none() {
        return Ok(());
    }
    let underscore = vm.intern("_");
    let builtins = vm.interp.builtins.load(vm);
    if let Some(b) = &builtins {
        b.set_str(vm, &underscore, Value::none())?;
    }
    let Some(stdout) = vm.sys_get("stdout").filter(|s| !s.is_none()) else { return Err(vm.runtime_error("lost sys.stdout")) };
    let text = vm.repr(&object)?.into_value();
    if let Err(e) = vm.call_method(&stdout, n!(write), std::slice::from_ref(&text)) {
        if !vm.is_raised::<crate::types::exceptions::UnicodeEncodeError>(&e) {
            return Err(e);
        }
        write_escaped(vm, &stdout, &text)?;
    }
    let newline = vm.intern("\n").into_value();
    vm.call_method(&stdout, n!(write), &[newline])?;
    if let Some(b) = &builtins {
        b.set_str(vm, &underscore, object)?;
    }
    Ok(())
}

/// Writes text to a stream that cannot encode all of it: what it cannot is escaped.
fn write_escaped(vm: &mut Vm, stream: &Value, text: &Value) -> PyResult<()> {
    let encoding = vm.getattr_str(stream, "encoding")?;
    let errors = vm.new_str("backslashreplace")?.into_value();
    let [encode, decode, buffer] = ["encode", "decode", "buffer"].map(|name| vm.intern(name));
    let encoded = vm.call_method(text, &encode, &[encoding.clone(), errors])?;
    match vm.getattr_opt(stream, &buffer)? {
        Some(buffer) => vm.call_method(&buffer, n!(write), &[encoded])?,
        None => {
            let strict = vm.new_str("strict")?.into_value();
            let escaped = vm.call_method(&encoded, &decode, &[encoding, strict])?;
            vm.call_method(stream, n!(write), &[escaped])?
        }
    };
    Ok(())
}

/// Print an exception with its traceback to `sys.stderr`.
#[pyfunction(sig = "(exctype, value, traceback, /)")]
pub fn excepthook(exctype: &Value, value: &Value, traceback: &Value, vm: &mut Vm) -> PyResult<()> {
    let _ = exctype;
    if let Some(e) = value.downcast::<BaseException>()
        && e.traceback.get(vm).is_none() && traceback.is::<crate::types::traceback::Traceback>() {
            let old = e.traceback.replace(vm, Some(traceback.clone()));
            drop(old);
        }
    print_exception(vm, value)
}

/// Prints through the library's `traceback` module, as CPython has done since 3.13; plainly where that cannot be imported.
pub fn print_exception(vm: &mut Vm, value: &Value) -> PyResult<()> {
    let Some(stderr) = vm.sys_get("stderr").filter(|s| !s.is_none()) else { return Ok(()) };
    if !value.is::<BaseException>() {
        let got = value.type_name();
        let text = vm.new_str(&format!("TypeError: print_exception(): Exception expected for value, {got} found\n"))?.into_value();
        vm.call_method(&stderr, n!(write), &[text])?;
        return Ok(());
    }
    let printed = vm.import_module("traceback").and_then(|module| {
        let print = vm.getattr_str(&module, "_print_exception_bltin")?;
        vm.call(&print, std::slice::from_ref(value))
    });
    if printed.is_ok() {
        return Ok(());
    }
    let written = crate::types::traceback::describe_chain(vm, value).and_then(|text| {
        let text = vm.new_str(&text)?.into_value();
        vm.call_method(&stderr, n!(write), &[text]).map(drop)
    });
    match written {
        Err(e) if vm.is_raised::<crate::types::exceptions::MemoryError>(&e) => {
            dump(value);
            Ok(())
        }
        other => other,
    }
}

/// What can be said of an object without any memory, straight to the process's standard error.
fn dump(object: &Value) {
    use std::io::Write;
    let ty = object.ty();
    let text = format!(
        "object address  : {:#x}\nobject refcount : {}\nobject type     : {:#x}\nobject type name: {}\nobject repr     : \nlost sys.stderr\n",
        object.bits(),
        object.header().map_or(krait_heap::IMMORTAL, krait_heap::Header::refcnt),
        std::ptr::from_ref(ty.header()) as usize,
        object.type_name(),
    );
    drop(std::io::stderr().write_all(text.as_bytes()));
}

/// Report an exception that nobody can handle.
#[pyfunction(sig = "(unraisable, /)")]
pub fn unraisablehook(unraisable: &Value, vm: &mut Vm) -> PyResult<()> {
    crate::types::exceptions::unraisable::default_hook(vm, unraisable)
}

/// Calls the debugger that PYTHONBREAKPOINT names, `pdb.set_trace` by default.
#[pyfunction(text = "(*args, **kws)")]
pub fn breakpointhook(args: Args<'_>, vm: &mut Vm) -> PyResult {
    let target = std::env::var("PYTHONBREAKPOINT").unwrap_or_default();
    let target = if target.is_empty() { "pdb.set_trace".to_owned() } else { target };
    if target == "0" {
        return Ok(Value::none());
    }
    let (module, name) = target.rsplit_once('.').unwrap_or(("builtins", &target));
    match find_hook(vm, module, name)? {
        Some(hook) => vm.call_args(&hook, args),
        None => {
            let category = crate::types::exceptions::RuntimeWarning::type_object(vm).to_value();
            crate::warnings::warn(vm, &category, &format!("Ignoring unimportable $PYTHONBREAKPOINT: \"{target}\""), 0)?;
            Ok(Value::none())
        }
    }
}

/// What the environment names as the hook; none if it cannot be imported.
fn find_hook(vm: &mut Vm, module: &str, name: &str) -> PyResult<Option<Value>> {
    use crate::types::exceptions::{AttributeError, ImportError};
    if module.is_empty() {
        return Ok(None);
    }
    let module = match vm.import_module(module) {
        Ok(module) => module,
        Err(e) if vm.is_raised::<ImportError>(&e) => return Ok(None),
        Err(e) => return Err(e),
    };
    match vm.getattr_str(&module, name) {
        Ok(hook) => Ok(Some(hook)),
        Err(e) if vm.is_raised::<AttributeError>(&e) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Tell the audit hooks of an event.
#[pyfunction(text = "(event, /, *args)")]
pub fn audit(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let Some((event, rest)) = args.split_first() else {
        return Err(vm.type_error("audit expected at least 1 argument, got 0"));
    };
    let Some(event) = event.downcast::<crate::types::str_::Str>() else {
        let name = event.type_name();
        return Err(vm.type_error(format!("audit() argument 1 must be str, not {name}")));
    };
    let event = event.to_string_lossy().into_owned();
    run_audit_hooks(vm, &event, rest.positional())
}

/// Add a function that is called for every audit event.
#[pyfunction(sig = "(hook)")]
pub fn addaudithook(hook: Value, vm: &mut Vm) -> PyResult<()> {
    if let Err(e) = run_audit_hooks(vm, "sys.addaudithook", &[]) {
        // A hook may refuse others without their hearing of it.
        return if vm.is_raised::<crate::types::exceptions::Exception>(&e) { Ok(()) } else { Err(e) };
    }
    let interp = vm.interp;
    interp.audit_hooks.get_mut(vm).push(hook);
    Ok(())
}

pub(super) fn run_audit_hooks(vm: &mut Vm, event: &str, args: &[Value]) -> PyResult<()> {
    if vm.interp.audit_hooks.get(vm).is_empty() {
        return Ok(());
    }
    let hooks = vm.interp.audit_hooks.load(vm);
    let name = vm.intern(event).into_value();
    let args = vm.new_tuple_from(args)?.into_value();
    let cantrace = vm.intern("__cantrace__");
    for hook in hooks {
        // Hooks are not traced unless they ask for it.
        let traced = match vm.getattr_opt(&hook, &cantrace)? {
            Some(wish) => vm.is_true(&wish)?,
            None => false,
        };
        let args = [name.clone(), args.clone()];
        if traced {
            vm.call(&hook, &args)?;
        } else {
            vm.eval.tracing += 1;
            let result = vm.call(&hook, &args);
            vm.eval.tracing -= 1;
            result?;
        }
    }
    Ok(())
}

/// Set the function that is told of every line, call, return and exception.
#[pyfunction(sig = "(function, /)")]
pub fn settrace(function: Value, vm: &mut Vm) -> PyResult<()> {
    run_audit_hooks(vm, "sys.settrace", &[])?;
    vm.set_trace((!function.is_none()).then_some(function))
}

/// The function that `settrace` has set, or None.
#[pyfunction]
pub fn gettrace(vm: &mut Vm) -> Value {
    vm.trace_function().unwrap_or_else(Value::none)
}

/// Set the function that is told of every call and return.
#[pyfunction(sig = "(function, /)")]
pub fn setprofile(function: Value, vm: &mut Vm) -> PyResult<()> {
    run_audit_hooks(vm, "sys.setprofile", &[])?;
    vm.set_profile((!function.is_none()).then_some(function))
}

/// The function that `setprofile` has set, or None.
#[pyfunction]
pub fn getprofile(vm: &mut Vm) -> Value {
    vm.profile_function().unwrap_or_else(Value::none)
}

/// Set the tracing function of all threads that run.
#[pyfunction(sig = "(function, /)")]
pub fn _settraceallthreads(function: Value, vm: &mut Vm) -> PyResult<()> {
    run_audit_hooks(vm, "sys.settrace", &[])?;
    vm.set_trace_everywhere((!function.is_none()).then_some(function))
}

/// Set the profiling function of all threads that run.
#[pyfunction(sig = "(function, /)")]
pub fn _setprofileallthreads(function: Value, vm: &mut Vm) -> PyResult<()> {
    run_audit_hooks(vm, "sys.setprofile", &[])?;
    vm.set_profile_everywhere((!function.is_none()).then_some(function))
}

/// The hooks of asynchronous generators, `None` for none.
pub(super) fn asyncgen(vm: &Vm) -> (Value, Value) {
    let value = |hook: &Option<Value>| hook.clone().unwrap_or_else(Value::none);
    (value(&vm.eval.asyncgen_firstiter), value(&vm.eval.asyncgen_finalizer))
}

