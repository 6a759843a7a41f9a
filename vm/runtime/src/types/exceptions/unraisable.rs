//! Exceptions in finalizers and callbacks, which no caller can handle: `sys.unraisablehook`.

use crate::types::str_::Str;
use crate::types::structseq::{self, StructSeqDef};
use crate::types::typeobject::wrapper::WrapperDescr;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Raised, Value, Vm};

static ARGS: StructSeqDef = StructSeqDef {
    name: "UnraisableHookArgs",
    doc: "What sys.unraisablehook is told of an exception.",
    fields: &[
        ("exc_type", "the exception's type"),
        ("exc_value", "the exception"),
        ("exc_traceback", "its traceback"),
        ("err_msg", "what to say"),
        ("object", "where it happened"),
    ],
    in_sequence: 5,
};

/// Reports `raised`, which came out of `object`.
pub fn report(vm: &mut Vm, raised: Raised, object: &Value) {
    report_with(vm, raised, None, Some(object));
}

/// Reports `raised` under a message of its own ("Exception ignored while ...").
pub fn report_with(vm: &mut Vm, raised: Raised, message: Option<&str>, object: Option<&Value>) {
    if raised.exception().traceback.get(vm).is_none() {
        add_place(vm, &raised);
    }
    let name = vm.intern("unraisablehook");
    let hook = sys_attribute(vm, &name);
    if let Err(again) = call_hook(vm, hook.as_ref(), &raised, message, object) {
        // The hook itself has failed: say so with the default one.
        let message = "Exception ignored in sys.unraisablehook";
        if default_print(vm, again.exception().as_value(), Some(message), hook.as_ref()).is_err() {
            // Not even that can be done, for want of memory perhaps: its type at least, straight to the process's standard error.
            use std::io::Write;
            let text = format!("{message}:\n{}\n", again.exception().as_value().type_name());
            drop(std::io::stderr().write_all(text.as_bytes()));
        }
    }
}

/// Gives an exception of native code the place where Python code runs.
fn add_place(vm: &mut Vm, raised: &Raised) {
    let Ok(Some(frame)) = vm.frame_object(0) else { return };
    let lasti = frame.lasti();
    if let Ok(tb) = vm.new_traceback(None, frame, lasti, -1) {
        raised.exception().traceback.replace(vm, Some(tb.into_value()));
    }
}

/// Reports `raised` under "`doing` `object`", as for finalizers: "Exception ignored while calling deallocator <function ...>".
pub fn report_while(vm: &mut Vm, raised: Raised, doing: &str, object: &Value) {
    let shown = match vm.repr(object) {
        Ok(repr) => repr.to_string_lossy().into_owned(),
        Err(_) => "<object repr() failed>".to_owned(),
    };
    report_with(vm, raised, Some(&format!("{doing} {shown}")), None);
}

/// Reports what came out of the finalizer of `object`: its class's `__del__`, or a generator's `close()`.
pub fn report_finalizer(vm: &mut Vm, raised: Raised, object: &Value) {
    match object.type_ref().lookup(vm, n!(__del__)).filter(|del| !del.is::<WrapperDescr>()) {
        Some(del) => report_while(vm, raised, "Exception ignored while calling deallocator", &del),
        None => report_while(vm, raised, "Exception ignored while closing generator", object),
    }
}

/// An attribute of `sys` that is not None.
fn sys_attribute(vm: &mut Vm, name: &Py<Str>) -> Option<Value> {
    let sys = vm.interp.sys_dict.load(vm);
    sys.and_then(|d| d.get_str(vm, name).cloned()).filter(|h| !h.is_none())
}

fn call_hook(vm: &mut Vm, hook: Option<&Value>, raised: &Raised, message: Option<&str>, object: Option<&Value>) -> PyResult<()> {
    let exception = raised.exception().to_value();
    let Some(hook) = hook else { return default_print(vm, &exception, message, object) };
    let traceback = raised.exception().traceback.load(vm).unwrap_or_else(Value::none);
    let text = match message {
        Some(text) => vm.new_str(text)?.into_value(),
        None => Value::none(),
    };
    let values = vec![exception.ty().to_value(), exception, traceback, text, object.cloned().unwrap_or_else(Value::none)];
    let args = structseq::new(vm, &ARGS, values)?;
    vm.audit("sys.unraisablehook", &[hook.clone(), args.clone()])?;
    vm.call(hook, &[args])?;
    Ok(())
}

/// `sys.__unraisablehook__`.
pub fn default_hook(vm: &mut Vm, args: &Value) -> PyResult<()> {
    if args.ty().tp_name() != ARGS.name {
        return Err(vm.type_error("sys.unraisablehook argument type must be UnraisableHookArgs"));
    }
    let value = vm.getattr_str(args, "exc_value")?;
    let message = vm.getattr_str(args, "err_msg")?;
    let object = vm.getattr_str(args, "object")?;
    let message = if message.is_none() { None } else { Some(vm.str(&message)?.to_string_lossy().into_owned()) };
    default_print(vm, &value, message.as_deref(), Some(&object).filter(|o| !o.is_none()))
}

/// Writes to `sys.stderr`.
fn default_print(vm: &mut Vm, exception: &Value, message: Option<&str>, object: Option<&Value>) -> PyResult<()> {
    let mut text = String::new();
    match (message, object) {
        (message, Some(object)) => {
            let shown = match vm.repr(object) {
                Ok(repr) => repr.to_string_lossy().into_owned(),
                Err(_) => "<object repr() failed>".to_owned(),
            };
            text.push_str(&format!("{}: {shown}\n", message.unwrap_or("Exception ignored in")));
        }
        (Some(message), None) => text.push_str(&format!("{message}:\n")),
        (None, None) => {}
    }
    let Some(stderr) = sys_attribute(vm, n!(stderr)) else { return Ok(()) };
    let shown = vm.new_str(&text)?.into_value();
    vm.call_method(&stderr, n!(write), &[shown])?;
    let mut shown = crate::types::traceback::describe_exception(vm, exception)?;
    // Here the type stands without its module if that is __main__.
    let name = crate::types::typeobject::full_name(vm, exception.ty());
    if name.starts_with("__main__.")
        && let Some(at) = shown.rfind(&format!("\n{name}")) {
            shown.drain(at + 1..at + 1 + "__main__.".len());
        }
    let shown = vm.new_str(&shown)?.into_value();
    vm.call_method(&stderr, n!(write), &[shown])?;
    vm.call_method(&stderr, n!(flush), &[])?;
    Ok(())
}
