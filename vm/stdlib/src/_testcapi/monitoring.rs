//! Code that only looks like code, whose events native code tells of.
//!
//! Entering a scope notes which tools listen to the events; telling of one calls the tools noted at its place, and one that answers DISABLE
//! is no longer called from there.

use krait_runtime::eval::instrument::{event, fire_native};
use krait_runtime::types::exceptions::{BaseException, StopIteration};
use krait_runtime::types::int::IntRef;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyClass, PyResult, Raised, Value, Vm, pyclass, pyfunction, pymethods};
use std::cell::Cell;

/// Stands for code with so many places of events.
#[pyclass(name = "CodeLike", module = "_testcapi")]
pub struct CodeLike {
    /// For each place the tools that are told, as bits.
    #[traverse(skip)]
    places: Box<[Cell<u8>]>,
    /// The version of what tools listen to that `places` were last filled at.
    #[traverse(skip)]
    version: Cell<u32>,
}

#[pymethods]
impl CodeLike {
    #[new(sig = "(num_events, /)")]
    fn py_new(cls: &Py<PyType>, num_events: i32, vm: &mut Vm) -> PyResult<Py<CodeLike>> {
        let count = usize::try_from(num_events).unwrap_or(0);
        let mut places: Vec<Cell<u8>> = Vec::new();
        if places.try_reserve_exact(count).is_err() {
            return Err(vm.memory_error());
        }
        places.resize(count, Cell::new(0));
        vm.new_instance(cls, CodeLike { places: places.into_boxed_slice(), version: Cell::new(0) })
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<CodeLike>, vm: &mut Vm) -> PyResult {
        let places: Vec<String> = zelf.places.iter().map(|p| p.get().to_string()).collect();
        Ok(vm.new_str(&format!("PyCodeLike({})", places.join(", ")))?.into_value())
    }
}

/// The arguments that all these functions begin with, and the others.
struct Call<'a> {
    code: Py<CodeLike>,
    offset: i64,
    rest: &'a [Value],
}

fn call<'a>(vm: &mut Vm, args: Args<'a>, name: &str, count: usize) -> PyResult<Call<'a>> {
    args.no_keywords(vm, name)?;
    let (values, given) = (args.values(), args.values().len());
    if given != count {
        return Err(vm.type_error(format!("function takes exactly {count} arguments ({given} given)")));
    }
    let (Some(code), Some(offset)) = (values.first(), values.get(1)) else { return Err(vm.type_error("arguments are missing")) };
    let offset = vm.index(offset)?;
    let offset = IntRef::new(&offset).and_then(|i| i.to_i64()).unwrap_or(i64::MAX);
    match code.downcast::<CodeLike>() {
        Some(code) => Ok(Call { code: code.clone(), offset, rest: values.get(2..).unwrap_or_default() }),
        None => {
            let got = code.type_name();
            Err(vm.type_error(format!("expected a code-like, got {got}")))
        }
    }
}

/// Tells the tools noted at the place; gives those that are told from now on.
fn fire(vm: &mut Vm, call: &Call<'_>, event: usize, rest: &[Value]) -> PyResult<u8> {
    let Some(place) = usize::try_from(call.offset).ok().and_then(|n| call.code.places.get(n)) else {
        let n = call.offset;
        return Err(vm.value_error(format!("the code-like has no place {n}")));
    };
    if place.get() == 0 {
        return Ok(0);
    }
    let second = if event == event::LINE { rest.first().cloned() } else { None };
    let second = match second {
        Some(line) => line,
        None => vm.new_int(call.offset)?,
    };
    let mut args = vec![call.code.to_value(), second];
    if event != event::LINE {
        args.extend_from_slice(rest);
    }
    fire_native(vm, place, event, &args)?;
    Ok(place.get())
}

/// Tells of an event that has to do with an exception, which must be there.
fn fire_exception(vm: &mut Vm, args: Args<'_>, name: &str, event: usize) -> PyResult<u8> {
    let call = call(vm, args, name, 3)?;
    let listened = usize::try_from(call.offset).ok().and_then(|n| call.code.places.get(n)).is_some_and(|p| p.get() != 0);
    match call.rest.first().filter(|e| e.is::<BaseException>()) {
        Some(exception) => fire(vm, &call, event, std::slice::from_ref(exception)),
        None if !listened => Ok(0),
        None => Err(vm.value_error(format!("Firing event {event} with no exception set"))),
    }
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident: $event:ident, $count:literal;)*) => {$(
        $(#[$doc])*
        #[pyfunction]
        pub fn $name(args: Args<'_>, vm: &mut Vm) -> PyResult<u8> {
            let call = call(vm, args, stringify!($name), $count)?;
            fire(vm, &call, event::$event, call.rest)
        }
    )*};
}

events! {
    /// Tell of the beginning of a function.
    fire_event_py_start: PY_START, 2;
    /// Tell of a generator that goes on.
    fire_event_py_resume: PY_RESUME, 2;
    /// Tell of a function's result.
    fire_event_py_return: PY_RETURN, 3;
    /// Tell of a generator's item.
    fire_event_py_yield: PY_YIELD, 3;
    /// Tell of a call: what is called, and its first argument.
    fire_event_call: CALL, 4;
    /// Tell of the end of a call of native code.
    fire_event_c_return: C_RETURN, 3;
}

macro_rules! exceptions {
    ($($(#[$doc:meta])* $name:ident: $event:ident;)*) => {$(
        $(#[$doc])*
        #[pyfunction]
        pub fn $name(args: Args<'_>, vm: &mut Vm) -> PyResult<u8> {
            fire_exception(vm, args, stringify!($name), event::$event)
        }
    )*};
}

exceptions! {
    /// Tell of an exception that is thrown into a generator.
    fire_event_py_throw: PY_THROW;
    /// Tell of an exception.
    fire_event_raise: RAISE;
    /// Tell of an exception that is raised again.
    fire_event_reraise: RERAISE;
    /// Tell of an exception that is handled.
    fire_event_exception_handled: EXCEPTION_HANDLED;
    /// Tell of an exception that leaves a function.
    fire_event_py_unwind: PY_UNWIND;
}

/// Tell of an exception that native code has raised.
#[pyfunction]
pub fn fire_event_c_raise(args: Args<'_>, vm: &mut Vm) -> PyResult<u8> {
    fire_exception(vm, args, "fire_event_c_raise", event::C_RAISE)
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $event:ident;)*) => {$(
        $(#[$doc])*
        #[pyfunction]
        pub fn $name(args: Args<'_>, vm: &mut Vm) -> PyResult<u8> {
            let call = call(vm, args, stringify!($name), 3)?;
            fire(vm, &call, event::$event, call.rest)
        }
    )*};
}

numbers! {
    /// Tell of a jump, and where to.
    fire_event_jump: JUMP;
    /// Tell of a branch that is not taken.
    fire_event_branch_left: BRANCH_LEFT;
    /// Tell of a branch that is taken.
    fire_event_branch_right: BRANCH_RIGHT;
}

/// Tell of a line.
#[pyfunction]
pub fn fire_event_line(args: Args<'_>, vm: &mut Vm) -> PyResult<u8> {
    let call = call(vm, args, "fire_event_line", 3)?;
    let Some(line) = call.rest.first() else { return Ok(0) };
    let line = vm.index(line)?;
    fire(vm, &call, event::LINE, &[line])
}

/// Tell of the end of an iteration, with its value or the exception itself.
#[pyfunction]
pub fn fire_event_stop_iteration(args: Args<'_>, vm: &mut Vm) -> PyResult<u8> {
    let call = call(vm, args, "fire_event_stop_iteration", 3)?;
    let Some(value) = call.rest.first() else { return Ok(0) };
    let exception = if value.is::<StopIteration>() {
        value.clone()
    } else {
        let class = StopIteration::type_object(vm).to_value();
        vm.call(&class, std::slice::from_ref(value))?
    };
    fire(vm, &call, event::STOP_ITERATION, &[exception])
}

fn event_number(vm: &mut Vm, value: &Value) -> Result<usize, Raised> {
    let value = vm.index(value)?;
    let number = IntRef::new(&value).and_then(|i| i.to_i64()).and_then(|n| usize::try_from(n).ok());
    match number.filter(|n| *n < event::UNGROUPED) {
        Some(n) => Ok(n),
        None => Err(vm.value_error("no event of this number can be told of")),
    }
}

/// Begin a stretch of native code that tells of these events, one at each of its places.
#[pyfunction]
pub fn monitoring_enter_scope(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    args.no_keywords(vm, "monitoring_enter_scope")?;
    let Some((code, events)) = args.positional().split_first() else {
        return Err(vm.type_error("monitoring_enter_scope() takes a code-like and its events"));
    };
    let Some(code) = code.downcast::<CodeLike>().cloned() else {
        let got = code.type_name();
        return Err(vm.type_error(format!("expected a code-like, got {got}")));
    };
    let version = vm.interp.monitoring.version();
    for (place, number) in code.places.iter().zip(events) {
        let event = event_number(vm, number)?;
        if code.version.get() != version {
            place.set(vm.interp.monitoring.tools(event));
        }
    }
    code.version.set(version);
    Ok(())
}

/// End it.
#[pyfunction]
pub fn monitoring_exit_scope() {}
