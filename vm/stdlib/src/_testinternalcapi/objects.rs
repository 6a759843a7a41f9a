//! How objects keep their attributes, and how deep the interpreter is.

use krait_runtime::codecs;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::class::flags;
use krait_runtime::types::exceptions::{RuntimeError, UnicodeError};
use krait_runtime::types::hamt::Hamt;
use krait_runtime::types::instance;
use krait_runtime::types::str_::Str;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Raised, Value, Vm, pyfunction};

/// Whether the object keeps its attributes in its own tail.
#[pyfunction(sig = "(object, /)")]
pub fn has_inline_values(object: &Value, vm: &mut Vm) -> bool {
    object.header().is_some_and(|header| instance::inline_values(vm, header).is_some())
}

/// The attributes of the object in the order of its class's shared keys, `'<NULL>'` for those it lacks; None if they are in a dict.
#[pyfunction(sig = "(object, /)")]
pub fn get_object_dict_values(object: &Value, vm: &mut Vm) -> PyResult {
    let Some(header) = object.header() else { return Ok(Value::none()) };
    let Some(inline) = instance::inline_values(vm, header) else { return Ok(Value::none()) };
    let count = object.ty().shared_keys.get(vm).names().len();
    let values: Vec<Option<Value>> = inline.values().iter().take(count).cloned().collect();
    let null = vm.intern("<NULL>").into_value();
    let values = values.into_iter().map(|v| v.unwrap_or_else(|| null.clone())).collect::<Vec<_>>();
    Ok(vm.new_tuple(values)?.into_value())
}

/// Stamps a type with a number that no type has had; any other number only counts as a stamp, and 0 takes the stamp back.
#[pyfunction(sig = "(type, version, /)")]
pub fn type_assign_specific_version_unsafe(r#type: &Py<PyType>, version: u32, vm: &mut Vm) -> PyResult<()> {
    if r#type.has_flag(flags::IMMUTABLETYPE) {
        return Err(vm.type_error("the type's stamp cannot be changed"));
    }
    if version == 0 {
        r#type.modified(vm);
        return Ok(());
    }
    // What caches know under a stamp that has been given out must stay true: they hold what they borrow by it.
    let next = vm.interp.next_type_version.get();
    if next == 0 || version < next {
        let version = r#type.version.get();
        r#type.set_version(version);
    } else {
        vm.interp.next_type_version.set(version.wrapping_add(1));
        r#type.set_version(version);
    }
    Ok(())
}

/// An empty mapping of the kind that contexts keep their variables in.
#[pyfunction]
pub fn hamt(vm: &mut Vm) -> PyResult<Py<Hamt>> {
    Hamt::empty(vm)
}

/// Makes all calls of a function give None, whatever the arguments.
#[pyfunction(sig = "(func, /)")]
pub fn set_vectorcall_nop(func: &Value, vm: &mut Vm) -> PyResult<()> {
    crate::_testcapi::override_calls(vm, func, "None")
}

/// How many objects the collector knows.
#[pyfunction]
pub fn get_tracked_heap_size() -> usize {
    krait_heap::gc::tracked()
}

/// The stamp that the next set of a dict's keys gets.
#[pyfunction]
pub fn get_next_dict_keys_version(vm: &mut Vm) -> u32 {
    vm.interp.next_dict_version.get()
}

/// The value of a key whose hash is known.
#[pyfunction(sig = "(dict, key, hash, /)")]
pub fn dict_getitem_knownhash(dict: &Value, key: &Value, hash: i64, vm: &mut Vm) -> PyResult {
    let Some(dict) = dict.downcast::<Dict>() else { return Err(vm.system_error("bad argument to internal function")) };
    match dict.get_hashed(vm, key, hash)? {
        Some(value) => Ok(value),
        None => Err(vm.key_error(key)),
    }
}

/// Raises KeyError of a key, whatever it is.
#[pyfunction(sig = "(key, /)")]
pub fn _pyerr_setkeyerror(key: &Value, vm: &mut Vm) -> PyResult<()> {
    let raised: Raised = vm.key_error(key);
    Err(raised)
}

/// Whether the object is immortal.
#[pyfunction(sig = "(object, /)")]
pub fn is_static_immortal(object: &Value) -> bool {
    object.header().is_none_or(|header| header.refcnt() >= krait_heap::IMMORTAL)
}

/// How many Python frames there are.
#[pyfunction]
pub fn get_recursion_depth(vm: &mut Vm) -> u32 {
    vm.recursion_depth()
}

/// How many more native calls may nest at least.
#[pyfunction]
pub fn get_c_recursion_remaining(vm: &mut Vm) -> PyResult {
    // A call through the evaluator takes some 1,400 bytes in optimized builds.
    const MOST_BYTES: usize = 2048;
    let remaining = vm.stack_remaining() / MOST_BYTES;
    vm.new_int(remaining)
}

/// Where the native stack is at.
#[pyfunction]
pub fn get_stack_pointer(vm: &mut Vm) -> PyResult {
    let here = 0_u8;
    vm.new_int(&raw const here as usize)
}

/// Bytes of the native stack that are kept free for what runs between two checks.
#[pyfunction]
pub fn get_stack_margin(vm: &mut Vm) -> PyResult {
    vm.new_int(krait_runtime::vm::STACK_MARGIN)
}

fn locale_errors(vm: &mut Vm, errors: Option<Py<Str>>) -> PyResult<&'static str> {
    let errors = errors.map(|e| e.to_string_lossy().into_owned());
    match errors.as_deref() {
        None | Some("strict") => Ok("strict"),
        Some("surrogateescape") => Ok("surrogateescape"),
        Some("surrogatepass") => Ok("surrogatepass"),
        Some(_) => Err(vm.value_error("unsupported error handler")),
    }
}

/// Text in the encoding of the file system; RuntimeError if it cannot be encoded.
#[pyfunction(name = "EncodeLocaleEx", sig = "(text, current_locale=0, errors=None, /)")]
pub fn encode_locale_ex(text: &Value, current_locale: i32, errors: Option<Py<Str>>, vm: &mut Vm) -> PyResult {
    let _ = current_locale;
    let errors = locale_errors(vm, errors)?;
    let result = codecs::encode(vm, text, "utf-8", errors);
    let Err(raised) = result else { return result };
    match failure_at(vm, &raised)? {
        Some(at) => Err(vm.raise::<RuntimeError>(&format!("encode error: pos={at}, reason=encoding error"))),
        None => Err(raised),
    }
}

/// Bytes out of the encoding of the file system; RuntimeError if they cannot be decoded.
#[pyfunction(name = "DecodeLocaleEx", sig = "(bytes, current_locale=0, errors=None, /)")]
pub fn decode_locale_ex(bytes: &Value, current_locale: i32, errors: Option<Py<Str>>, vm: &mut Vm) -> PyResult {
    let _ = current_locale;
    let errors = locale_errors(vm, errors)?;
    let result = codecs::decode(vm, bytes, "utf-8", errors);
    let Err(raised) = result else { return result };
    match failure_at(vm, &raised)? {
        Some(at) => Err(vm.raise::<RuntimeError>(&format!("decode error: pos={at}, reason=decoding error"))),
        None => Err(raised),
    }
}

/// Where encoding or decoding failed; none if that is not what went wrong.
fn failure_at(vm: &mut Vm, raised: &Raised) -> PyResult<Option<isize>> {
    let exception = raised.exception().as_value().clone();
    if !vm.is_instance_of::<UnicodeError>(&exception) {
        return Ok(None);
    }
    let start = vm.getattr_str(&exception, "start")?;
    vm.as_isize(&start).map(Some)
}
