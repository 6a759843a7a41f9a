//! `_testcapi`: functions through which tests reach the interpreter from native code.
//!
//! In CPython these test the C interface. Krait has none; here is what has a meaning without it: limits of C's types, printing of exceptions
//! and tracebacks, reports of exceptions that nobody handles, calls from native code. The rest of the module is not there.
#![allow(unsafe_code, reason = "system calls")]

mod buffers;
mod code;
mod datetime;
mod monitoring;
mod errors;
mod types;
mod methods;
mod objects;
mod signatures;

use crate::oserror::{self, sys};
use code::{
    Py_CompileStringExFlags, code_newempty, code_offset_to_line, config_get, pymarshal_read_last_object_from_file, pymarshal_read_long_from_file,
    pymarshal_read_object_from_file, pymarshal_read_short_from_file, pymarshal_write_long_to_file, pymarshal_write_object_to_file, run_in_subinterp,
};
use monitoring::*;
use errors::{raise_exception, remove_mem_hooks, set_nomemory};
pub use objects::override_calls;
use objects::*;
use signatures::*;
use types::{type_assign_version, type_get_version, type_modified};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::exceptions::{BaseException, unraisable};
use krait_runtime::types::str_::Str;
use krait_runtime::types::traceback::Traceback;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Value, Vm, n, pyfunction};

/// Prints an exception as the interpreter does at the end of a program.
#[pyfunction(sig = "(exception, legacy=False, /)")]
fn exception_print(exception: &Value, legacy: bool, vm: &mut Vm) -> PyResult<()> {
    if legacy && !exception.is::<BaseException>() {
        let got = exception.type_name();
        return Err(vm.type_error(format!("an exception instance is required, not {got}")));
    }
    krait_runtime::sys::print_exception(vm, exception)
}

/// Prints a traceback to a file.
#[pyfunction(sig = "(traceback, file, /)")]
fn traceback_print(traceback: &Value, file: &Value, vm: &mut Vm) -> PyResult<()> {
    let Some(first) = traceback.downcast::<Traceback>().cloned() else {
        return Err(vm.system_error("bad argument to internal function"));
    };
    let text = krait_runtime::types::traceback::describe_traceback(vm, first);
    let text = vm.new_str(&text)?.into_value();
    vm.call_method(file, n!(write), &[text]).map(drop)
}

fn raised(vm: &mut Vm, exception: &Value) -> PyResult<krait_runtime::Raised> {
    match exception.downcast::<BaseException>() {
        Some(e) => Ok(krait_runtime::Raised::new(e.clone())),
        None => Err(vm.type_error("an exception is required")),
    }
}

/// Reports an exception that came out of an object and that nobody handles.
#[pyfunction(sig = "(exception, object, /)")]
fn err_writeunraisable(exception: &Value, object: &Value, vm: &mut Vm) -> PyResult<()> {
    let e = raised(vm, exception)?;
    if object.is_none() { unraisable::report_with(vm, e, None, None) } else { unraisable::report(vm, e, object) }
    Ok(())
}

/// Reports an exception under a message, in which %R stands for the object.
#[pyfunction(sig = "(exception, message, object=?, /)")]
fn err_formatunraisable(exception: &Value, message: &Value, object: Option<Value>, vm: &mut Vm) -> PyResult<()> {
    let e = raised(vm, exception)?;
    let text = message.downcast::<Str>().map(|s| s.to_string_lossy().into_owned());
    let text = match (text, object) {
        (Some(text), Some(object)) => {
            let shown = vm.repr(&object)?.to_string_lossy().into_owned();
            Some(text.replace("%R", &shown))
        }
        (text, _) => text,
    };
    unraisable::report_with(vm, e, text.as_deref(), None);
    Ok(())
}

/// Raises MemoryError.
#[pyfunction]
fn raise_memoryerror(vm: &mut Vm) -> PyResult<()> {
    Err(vm.memory_error())
}

/// Calls a callable with the items of a tuple, the last of which are keyword arguments of these names.
#[pyfunction(sig = "(func, args, kwnames, /)")]
fn pyobject_vectorcall(func: &Value, args: &Value, kwnames: &Value, vm: &mut Vm) -> PyResult {
    let args: Vec<Value> = args.downcast::<Tuple>().map(|t| t.items().to_vec()).unwrap_or_default();
    let names: Vec<Py<Str>> = match kwnames.downcast::<Tuple>() {
        Some(names) => names.items().iter().filter_map(|n| n.downcast::<Str>().cloned()).collect(),
        None => Vec::new(),
    };
    if names.len() > args.len() {
        return Err(vm.value_error("kwnames longer than args"));
    }
    let positional = args.len() - names.len();
    let keywords = vm.new_dict()?;
    for (name, value) in names.iter().zip(args.iter().skip(positional)) {
        keywords.set_str(vm, name, value.clone())?;
    }
    let args = vm.new_tuple_from(args.get(..positional).unwrap_or_default())?;
    vm.call_tuple_dict(func, &args, Some(&keywords))
}

/// The same with a dict of keyword arguments, or None.
#[pyfunction(sig = "(func, args, kwargs, /)")]
fn pyobject_fastcalldict(func: &Value, args: &Value, kwargs: &Value, vm: &mut Vm) -> PyResult {
    let args: Vec<Value> = args.downcast::<Tuple>().map(|t| t.items().to_vec()).unwrap_or_default();
    let args = vm.new_tuple(args)?;
    vm.call_tuple_dict(func, &args, kwargs.downcast::<Dict>())
}

/// Sends SIGINT to the process, then None into a generator.
#[pyfunction(sig = "(generator, /)")]
#[allow(non_snake_case, reason = "Python's name")]
fn raise_SIGINT_then_send_None(generator: &Value, vm: &mut Vm) -> PyResult {
    sys!(libc::raise(libc::SIGINT));
    let send = vm.intern("send");
    vm.call_method(generator, &send, &[Value::none()])
}

/// A new exception class of this full name, with a docstring, bases and attributes.
#[pyfunction(sig = "(name, doc=None, base=None, dict=None)")]
fn make_exception_with_doc(name: &Value, doc: Value, base: Value, dict: Value, vm: &mut Vm) -> PyResult {
    let Some(full) = name.downcast::<Str>().map(|s| s.to_string_lossy().into_owned()) else {
        return Err(vm.type_error("name must be a string"));
    };
    let Some((module, short)) = full.rsplit_once('.') else {
        return Err(vm.system_error("PyErr_NewException: name must be module.class"));
    };
    let attributes = vm.new_dict()?;
    if let Some(given) = dict.downcast::<Dict>() {
        let update = vm.intern("update");
        vm.call_method(attributes.as_value(), &update, &[given.to_value()])?;
    }
    let key = vm.intern("__module__");
    let module = vm.intern(module).into_value();
    attributes.set_str(vm, &key, module)?;
    if !doc.is_none() {
        attributes.set_str(vm, n!(__doc__), doc.clone())?;
    }
    let bases = match base.downcast::<Tuple>() {
        Some(bases) => bases.items().to_vec(),
        None if base.is_none() => vec![oserror::builtin(vm, "Exception")?],
        None => vec![base.clone()],
    };
    let class = oserror::builtin(vm, "type")?;
    let (short, bases) = (vm.intern(short).into_value(), vm.new_tuple(bases)?.into_value());
    vm.call(&class, &[short, bases, attributes.into_value()])
}

/// Sets errno.
#[pyfunction(sig = "(code, /)")]
fn set_errno(code: i32) {
    // SAFETY: the thread's own errno.
    unsafe { *libc::__errno_location() = code };
}

/// A number of nanoseconds as seconds.
#[pyfunction(sig = "(ns, /)")]
#[allow(non_snake_case, reason = "Python's name")]
fn PyTime_AsSecondsDouble(ns: i64) -> f64 {
    const SECOND: i64 = 1_000_000_000;
    if ns % SECOND == 0 { (ns / SECOND) as f64 } else { ns as f64 / SECOND as f64 }
}

/// The status with which wait() tells of a child that the signal has stopped.
#[pyfunction(sig = "(signal, /)")]
#[allow(non_snake_case, reason = "Python's name")]
fn W_STOPCODE(signal: i32) -> i32 {
    libc::W_STOPCODE(signal)
}

/// Whether the object lives as long as the process.
#[pyfunction(sig = "(object, /)")]
fn is_immortal(object: &Value) -> bool {
    object.header().is_none_or(|h| h.refcnt() >= krait_heap::IMMORTAL)
}

krait_runtime::module! {
    "_testcapi",
    doc: "Ways into the interpreter from native code, for tests.",
    functions: [
        exception_print, traceback_print, err_writeunraisable, err_formatunraisable, raise_memoryerror, pyobject_vectorcall,
        pyobject_fastcalldict, raise_SIGINT_then_send_None, config_get, make_exception_with_doc, set_errno, is_immortal,
        methods::meth_varargs, methods::meth_varargs_keywords, methods::meth_o, methods::meth_noargs, methods::meth_fastcall,
        methods::meth_fastcall_keywords,
        PyTime_AsSecondsDouble, buffers::buffer_fill_info, buffers::getbuffer_with_null_view, buffers::PyBuffer_SizeFromFormat, W_STOPCODE,
        code_newempty, code_offset_to_line, pymarshal_read_last_object_from_file, pymarshal_read_long_from_file,
        pymarshal_read_object_from_file, pymarshal_read_short_from_file, pymarshal_write_long_to_file, pymarshal_write_object_to_file,
        datetime::test_datetime_capi, datetime::get_timezone_utc_capi, datetime::make_timezones_capi, datetime::get_timezones_offset_zero,
        datetime::PyDateTime_DELTA_GET, datetime::PyDateTime_GET, datetime::PyDateTime_DATE_GET, datetime::PyDateTime_TIME_GET,
        datetime::datetime_check_date, datetime::datetime_check_time, datetime::datetime_check_datetime, datetime::datetime_check_delta,
        datetime::datetime_check_tzinfo, datetime::get_date_fromdate, datetime::get_datetime_fromdateandtime,
        datetime::get_datetime_fromdateandtimeandfold, datetime::get_time_fromtime, datetime::get_time_fromtimeandfold,
        datetime::get_delta_fromdsu, datetime::get_date_fromtimestamp, datetime::get_datetime_fromtimestamp,
        raise_exception, remove_mem_hooks, set_nomemory, Py_CompileStringExFlags, run_in_subinterp, type_assign_version, type_get_version, type_modified, fire_event_branch_left, fire_event_branch_right,
        fire_event_c_raise, fire_event_c_return, fire_event_call, fire_event_exception_handled, fire_event_jump, fire_event_line,
        fire_event_py_resume, fire_event_py_return, fire_event_py_start, fire_event_py_throw, fire_event_py_unwind, fire_event_py_yield,
        fire_event_raise, fire_event_reraise, fire_event_stop_iteration, monitoring_enter_scope, monitoring_exit_scope,
        docstring_empty, docstring_no_signature, docstring_with_invalid_signature, docstring_with_invalid_signature2, test_with_docstring,
        docstring_no_signature_noargs, docstring_no_signature_o, docstring_with_signature, docstring_with_signature_but_no_doc,
        docstring_with_signature_and_extra_newlines, docstring_with_signature_with_defaults, pytype_fromspec_meta, with_tp_del, without_gc, bad_get,
        create_cfunction, pycfunction_call, pyvectorcall_call, function_setvectorcall, make_vectorcall_class, has_vectorcall_flag,
        settrace_to_record, call_in_temporary_c_thread, join_temporary_c_thread,
    ],
    types: [buffers::TestBuf, Awaitable, Generic, GenericAlias, HeapCTypeWithDict, HeapCTypeWithWeakref, ContainerNoGC, MethodDescriptorBase, MethodDescriptorDerived,
        MethodDescriptorNopGet, MethodDescriptor2, DocStringNoSignatureTest, DocStringUnrepresentableSignatureTest,
        CodeLike, errors::RecursingInfinitelyError, methods::MethInstance, methods::MethClass, methods::MethStatic],
    exec: init,
    single: true,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let signed = [
        ("SHRT_MIN", i64::from(i16::MIN)), ("SHRT_MAX", i64::from(i16::MAX)), ("INT_MIN", i64::from(i32::MIN)), ("INT_MAX", i64::from(i32::MAX)),
        ("LONG_MIN", i64::MIN), ("LONG_MAX", i64::MAX), ("LLONG_MIN", i64::MIN), ("LLONG_MAX", i64::MAX), ("PY_SSIZE_T_MIN", i64::MIN),
        ("PY_SSIZE_T_MAX", i64::MAX), ("CHAR_MIN", i64::from(i8::MIN)), ("CHAR_MAX", i64::from(i8::MAX)), ("UCHAR_MAX", i64::from(u8::MAX)),
        ("USHRT_MAX", i64::from(u16::MAX)), ("UINT_MAX", i64::from(u32::MAX)), ("SIZEOF_TIME_T", 8), ("SIZEOF_PID_T", 4),
        ("_Py_STACK_GROWS_DOWN", 1), ("ONE", 1), ("the_number_three", 3),
    ];
    for (name, value) in signed {
        let (name, value) = (vm.intern(name), vm.new_int(value)?);
        dict.set_str(vm, &name, value)?;
    }
    for (name, value) in [("ULONG_MAX", u64::MAX), ("ULLONG_MAX", u64::MAX), ("SIZE_MAX", u64::MAX)] {
        let (name, value) = (vm.intern(name), vm.new_int(value)?);
        dict.set_str(vm, &name, value)?;
    }
    for (name, value) in [("DBL_MAX", f64::MAX), ("DBL_MIN", f64::MIN_POSITIVE), ("FLT_MAX", f64::from(f32::MAX)), ("FLT_MIN", f64::from(f32::MIN_POSITIVE))] {
        let (name, value) = (vm.intern(name), vm.new_float(value)?);
        dict.set_str(vm, &name, value)?;
    }
    // Rust's targets have no signaling NaNs by the top bit but old MIPS.
    let (name, metaclass) = (vm.intern("HeapCTypeMetaclassNullNew"), metaclass_without_new(vm)?);
    dict.set_str(vm, &name, metaclass)?;
    let name = vm.intern("nan_msb_is_signaling");
    dict.set_str(vm, &name, Value::from_bool(cfg!(any(target_arch = "mips", target_arch = "mips64"))))?;
    Ok(())
}
