//! Raising, matching exceptions, `except*`.

use crate::types::class::flags;
use crate::types::exceptions::{BaseException, BaseExceptionGroup, group};
use crate::types::list::List;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyClass, PyResult, Raised, Value, Vm};

/// An instance of an exception class, or the exception itself; TypeError with `message` for anything else.
pub fn instance(vm: &mut Vm, value: &Value, message: &str) -> PyResult<Py<BaseException>> {
    if let Some(cls) = value.downcast::<PyType>()
        && cls.has_flag(flags::BASE_EXC_SUBCLASS) {
            let made = vm.call(value, &[])?;
            return match made.into_py::<BaseException>() {
                Ok(e) => Ok(e),
                Err(other) => {
                    let repr = vm.repr(value)?;
                    let got = other.type_name();
                    Err(vm.type_error(format!("calling {} should have returned an instance of BaseException, not {got}", repr.to_string_lossy())))
                }
            };
        }
    match value.downcast::<BaseException>() {
        Some(e) => Ok(e.clone()),
        None => Err(vm.type_error(message)),
    }
}

/// RAISE_VARARGS: `raise`, `raise e`, `raise e from cause`. The second result is true for a bare `raise`, which adds no traceback entry.
pub fn raise(vm: &mut Vm, exception: Option<Value>, cause: Option<Value>) -> (Raised, bool) {
    let Some(exception) = exception else {
        return match vm.handled_exception() {
            Some(e) => (Raised::new(e), true),
            None => (vm.runtime_error("No active exception to reraise"), false),
        };
    };
    (raise_from(vm, &exception, cause).unwrap_or_else(|e| e), false)
}

fn raise_from(vm: &mut Vm, exception: &Value, cause: Option<Value>) -> PyResult<Raised> {
    let made = instance(vm, exception, "exceptions must derive from BaseException")?;
    if let Some(cause) = cause {
        let cause = if cause.is_none() {
            None
        } else {
            Some(instance(vm, &cause, "exception causes must derive from BaseException")?.into_value())
        };
        let old = made.cause.replace(vm, cause);
        drop(old);
        made.suppress_context.set(true);
    }
    vm.chain_context(&made);
    Ok(Raised::new(made))
}

const CANNOT_CATCH: &str = "catching classes that do not inherit from BaseException is not allowed";

fn check_class(vm: &mut Vm, value: &Value) -> PyResult<()> {
    let ok = value.downcast::<PyType>().is_some_and(|t| t.has_flag(flags::BASE_EXC_SUBCLASS));
    if ok { Ok(()) } else { Err(vm.type_error(CANNOT_CATCH)) }
}

/// CHECK_EXC_MATCH: whether `except target` catches `exception`.
pub fn exception_matches(vm: &mut Vm, exception: &Value, target: &Value) -> PyResult<bool> {
    match target.downcast::<Tuple>() {
        Some(tuple) => {
            for item in tuple.items() {
                check_class(vm, item)?;
            }
            Ok(tuple.items().iter().any(|t| is_instance(vm, exception, t)))
        }
        None => {
            check_class(vm, target)?;
            Ok(is_instance(vm, exception, target))
        }
    }
}

/// Whether an exception's class is `class` or derived from it, whatever `__instancecheck__` says.
pub fn is_instance(vm: &Vm, exception: &Value, class: &Value) -> bool {
    class.downcast::<PyType>().is_some_and(|c| exception.type_ref().is_subtype(vm, c))
}

fn is_group(exception: &Value) -> bool {
    exception.is::<BaseExceptionGroup>()
}

/// CHECK_EG_MATCH: what `except* target` takes of `exception` and the rest, the rest first.
pub fn group_match(vm: &mut Vm, exception: &Value, target: &Value) -> PyResult<(Value, Value)> {
    let base = BaseExceptionGroup::type_object(vm).clone();
    let targets: Vec<Value> = match target.downcast::<Tuple>() {
        Some(t) => t.items().to_vec(),
        None => vec![target.clone()],
    };
    for t in &targets {
        check_class(vm, t)?;
        if t.downcast::<PyType>().is_some_and(|cls| cls.is_subtype(vm, &base)) {
            return Err(vm.type_error("catching ExceptionGroup with except* is not allowed. Use except instead."));
        }
    }
    if exception_matches(vm, exception, target)? {
        if is_group(exception) {
            return Ok((Value::none(), exception.clone()));
        }
        return Ok((Value::none(), wrap_naked(vm, exception)?));
    }
    if is_group(exception) {
        let name = vm.intern("split");
        let pair = vm.call_method(exception, &name, std::slice::from_ref(target))?;
        let Some(tuple) = pair.downcast::<Tuple>() else {
            let (ty, got) = (exception.type_name(), pair.type_name());
            return Err(vm.type_error(format!("{ty}.split must return a tuple, not {got}")));
        };
        if let [matched, rest, ..] = tuple.items() {
            return Ok((rest.clone(), matched.clone()));
        }
        let (ty, len) = (exception.type_name(), tuple.len());
        return Err(vm.type_error(format!("{ty}.split must return a 2-tuple, got tuple of size {len}")));
    }
    Ok((exception.clone(), Value::none()))
}

/// A group around a naked exception, so that the handler of `except*` always sees a group.
fn wrap_naked(vm: &mut Vm, exception: &Value) -> PyResult {
    let items = vm.new_tuple([exception.clone()])?.into_value();
    let group = group::new_group(vm, "", items)?;
    let frame = vm.frame_object(0)?;
    if let (Some(g), Some(frame)) = (group.downcast::<BaseException>(), frame) {
        let lasti = frame.lasti();
        let tb = vm.new_traceback(None, frame, lasti, -1)?;
        let old = g.traceback.replace(vm, Some(tb.into_value()));
        drop(old);
    }
    Ok(group)
}

/// INTRINSIC_PREP_RERAISE_STAR: what is to be raised at the end of `except*` clauses, of the original exception and what they raised.
pub fn prep_reraise_star(vm: &mut Vm, original: &Value, raised: &Value) -> PyResult {
    let Some(list) = raised.downcast_exact::<List>() else { return Err(vm.system_error("expected a list")) };
    let excs: Vec<Value> = list.items(vm).to_vec();
    if excs.is_empty() {
        return Ok(Value::none());
    }
    if !is_group(original) {
        // A naked exception was caught and wrapped; only one clause ran, so there is only one.
        return Ok(excs.into_iter().next().unwrap_or_else(Value::none));
    }
    let (mut new, mut reraised) = (Vec::new(), Vec::new());
    for e in excs.into_iter().filter(|e| !e.is_none()) {
        if same_metadata(vm, &e, original) { reraised.push(e) } else { new.push(e) }
    }
    let projected = group::projection(vm, original, &reraised)?;
    if new.is_empty() {
        return Ok(projected);
    }
    if !projected.is_none() {
        new.push(projected);
    }
    if new.len() == 1 {
        return Ok(new.into_iter().next().unwrap_or_else(Value::none));
    }
    let new = vm.new_list(new)?.into_value();
    group::new_group(vm, "", new)
}

/// Whether two exceptions share traceback, cause and context: one was split off the other.
fn same_metadata(vm: &Vm, a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.downcast::<BaseException>(), b.downcast::<BaseException>()) else { return false };
    let same = |x: &Option<Value>, y: &Option<Value>| match (x, y) {
        (None, None) => true,
        (Some(x), Some(y)) => x.is_same(y),
        _ => false,
    };
    same(a.traceback.get(vm), b.traceback.get(vm))
        && same(a.cause.get(vm), b.cause.get(vm))
        && same(a.context.get(vm), b.context.get(vm))
}

/// INTRINSIC_STOPITERATION_ERROR: what a StopIteration that leaves a generator becomes.
pub fn stopiteration_error(vm: &mut Vm, exception: Value, code_flags: u32) -> PyResult {
    use krait_bytecode::code::co;
    let is_stop = exception.downcast::<crate::types::exceptions::StopIteration>().is_some();
    let is_async_stop = exception.downcast::<crate::types::exceptions::StopAsyncIteration>().is_some();
    let message = if is_stop {
        if code_flags & co::ASYNC_GENERATOR != 0 {
            "async generator raised StopIteration"
        } else if code_flags & co::COROUTINE != 0 {
            "coroutine raised StopIteration"
        } else {
            "generator raised StopIteration"
        }
    } else if is_async_stop && code_flags & co::ASYNC_GENERATOR != 0 {
        "async generator raised StopAsyncIteration"
    } else {
        return Ok(exception);
    };
    let error = vm.runtime_error(message).into_exception();
    drop(error.cause.replace(vm, Some(exception.clone())));
    drop(error.context.replace(vm, Some(exception)));
    error.suppress_context.set(true);
    Ok(error.into_value())
}
