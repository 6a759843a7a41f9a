//! `sys.monitoring` (PEP 669): tools, their names and callbacks.
//!
//! The evaluator sends no events yet, so asking for any is an error; registering tools and callbacks works.

use crate::types::code::CodeObject;
use crate::types::dict::Dict;
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyResult, Value, Vm, pyfunction};

/// The events by name; each is the bit of its place.
const EVENTS: [&str; 19] = [
    "PY_START", "PY_RESUME", "PY_RETURN", "PY_YIELD", "CALL", "LINE", "INSTRUCTION", "JUMP", "BRANCH_LEFT", "BRANCH_RIGHT", "STOP_ITERATION",
    "RAISE", "EXCEPTION_HANDLED", "PY_UNWIND", "PY_THROW", "RERAISE", "C_RETURN", "C_RAISE", "BRANCH",
];
const TOOLS: usize = 6;
/// Events that can be set for one code object: those up to STOP_ITERATION.
const LOCAL_EVENTS: i32 = (1 << 11) - 1;
const BRANCH: i32 = 1 << 18;
const BRANCHES: i32 = 1 << 8 | 1 << 9;

/// What an interpreter keeps of its tools.
#[derive(Default)]
pub struct Monitoring {
    names: [Option<Value>; TOOLS],
    callbacks: [[Option<Value>; EVENTS.len()]; TOOLS],
}

/// Where an interpreter keeps it.
pub type MonitoringCell = GilCell<Monitoring>;

fn check_tool(vm: &mut Vm, tool: i32) -> PyResult<usize> {
    match usize::try_from(tool).ok().filter(|t| *t < TOOLS) {
        Some(tool) => Ok(tool),
        None => Err(vm.value_error(format!("invalid tool {tool} (must be between 0 and 5)"))),
    }
}

fn check_in_use(vm: &mut Vm, tool: i32) -> PyResult<usize> {
    let tool = check_tool(vm, tool)?;
    let used = vm.interp.monitoring.get(vm).names.get(tool).is_some_and(Option::is_some);
    if used { Ok(tool) } else { Err(vm.value_error(format!("tool {tool} is not in use"))) }
}

/// Take a tool's number into use.
#[pyfunction(sig = "(tool_id, name, /)")]
fn use_tool_id(tool_id: i32, name: &Value, vm: &mut Vm) -> PyResult<()> {
    let tool = check_tool(vm, tool_id)?;
    if !name.is::<Str>() {
        return Err(vm.value_error("tool name must be a str"));
    }
    let interp = vm.interp;
    match interp.monitoring.get_mut(vm).names.get_mut(tool) {
        Some(slot @ None) => {
            *slot = Some(name.clone());
            Ok(())
        }
        _ => Err(vm.value_error(format!("tool {tool_id} is already in use"))),
    }
}

/// Forget the callbacks of a tool.
#[pyfunction(sig = "(tool_id, /)")]
fn clear_tool_id(tool_id: i32, vm: &mut Vm) -> PyResult<()> {
    let tool = check_tool(vm, tool_id)?;
    let interp = vm.interp;
    let old = interp.monitoring.get_mut(vm).callbacks.get_mut(tool).map(std::mem::take);
    drop(old);
    Ok(())
}

/// Give a tool's number back.
#[pyfunction(sig = "(tool_id, /)")]
fn free_tool_id(tool_id: i32, vm: &mut Vm) -> PyResult<()> {
    let tool = check_tool(vm, tool_id)?;
    let interp = vm.interp;
    let state = interp.monitoring.get_mut(vm);
    let old = (state.callbacks.get_mut(tool).map(std::mem::take), state.names.get_mut(tool).and_then(Option::take));
    drop(old);
    Ok(())
}

/// The name of the tool that uses a number, None if none does.
#[pyfunction(sig = "(tool_id, /)")]
fn get_tool(tool_id: i32, vm: &mut Vm) -> PyResult<Option<Value>> {
    let tool = check_tool(vm, tool_id)?;
    Ok(vm.interp.monitoring.get(vm).names.get(tool).cloned().flatten())
}

/// Set what an event calls for a tool; gives the former callback.
#[pyfunction(sig = "(tool_id, event, func, /)")]
fn register_callback(tool_id: i32, event: i32, func: &Value, vm: &mut Vm) -> PyResult<Option<Value>> {
    let tool = check_tool(vm, tool_id)?;
    if event.count_ones() != 1 {
        return Err(vm.value_error("The callback can only be set for one event at a time"));
    }
    let at = event.trailing_zeros() as usize;
    if at >= EVENTS.len() {
        return Err(vm.value_error(format!("invalid event {event}")));
    }
    let new = Some(func.clone()).filter(|f| !f.is_none());
    let interp = vm.interp;
    let slot = interp.monitoring.get_mut(vm).callbacks.get_mut(tool).and_then(|c| c.get_mut(at));
    Ok(slot.and_then(|s| std::mem::replace(s, new)))
}

/// The events that a tool listens to everywhere.
#[pyfunction(sig = "(tool_id, /)")]
fn get_events(tool_id: i32, vm: &mut Vm) -> PyResult<i32> {
    check_in_use(vm, tool_id)?;
    Ok(0)
}

/// Set the events that a tool listens to everywhere.
#[pyfunction(sig = "(tool_id, event_set, /)")]
fn set_events(tool_id: i32, event_set: i32, vm: &mut Vm) -> PyResult<()> {
    check_tool(vm, tool_id)?;
    check_events(vm, event_set, (1 << EVENTS.len()) - 1, "event set")?;
    check_in_use(vm, tool_id)?;
    none_yet(vm, event_set)
}

/// The events that a tool listens to in one code object.
#[pyfunction(sig = "(tool_id, code, /)")]
fn get_local_events(tool_id: i32, code: &Value, vm: &mut Vm) -> PyResult<i32> {
    check_code(vm, code)?;
    check_in_use(vm, tool_id)?;
    Ok(0)
}

/// Set the events that a tool listens to in one code object.
#[pyfunction(sig = "(tool_id, code, event_set, /)")]
fn set_local_events(tool_id: i32, code: &Value, event_set: i32, vm: &mut Vm) -> PyResult<()> {
    check_code(vm, code)?;
    check_tool(vm, tool_id)?;
    check_events(vm, event_set, LOCAL_EVENTS | BRANCH, "local event set")?;
    check_in_use(vm, tool_id)?;
    none_yet(vm, event_set)
}

fn check_code(vm: &mut Vm, code: &Value) -> PyResult<()> {
    if code.is::<CodeObject>() { Ok(()) } else { Err(vm.type_error("code must be a code object")) }
}

fn check_events(vm: &mut Vm, events: i32, allowed: i32, what: &str) -> PyResult<()> {
    let plain = if events & BRANCH != 0 { (events & !BRANCH) | BRANCHES } else { events };
    if plain & !allowed != 0 {
        return Err(vm.value_error(format!("invalid {what} {:#x}", events as u32)));
    }
    Ok(())
}

fn none_yet(vm: &mut Vm, events: i32) -> PyResult<()> {
    if events == 0 { Ok(()) } else { Err(vm.not_implemented_error("sys.monitoring: the evaluator sends no events yet")) }
}

/// Let events that were switched off by DISABLE come again.
#[pyfunction]
fn restart_events() {}

/// All events that somebody listens to.
#[pyfunction]
fn _all_events(vm: &mut Vm) -> PyResult<Py<Dict>> {
    vm.new_dict()
}

crate::module! {
    "sys.monitoring",
    doc: "Tools that watch the execution of code.",
    functions: [
        use_tool_id, clear_tool_id, free_tool_id, get_tool, register_callback, get_events, set_events, get_local_events, set_local_events,
        restart_events, _all_events,
    ],
    types: [],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    for name in ["DISABLE", "MISSING"] {
        let marker = vm.new_object(crate::types::object::Object)?.into_value();
        set(vm, dict, name, marker)?;
    }
    let events = vm.new_dict()?;
    for (i, name) in EVENTS.iter().enumerate() {
        let bit = vm.new_int(1i64 << i)?;
        set(vm, &events, name, bit)?;
    }
    set(vm, &events, "NO_EVENTS", Value::from_i32(0))?;
    let namespace = crate::types::namespace::new(vm, &events)?;
    set(vm, dict, "events", namespace)?;
    for (name, id) in [("DEBUGGER_ID", 0), ("COVERAGE_ID", 1), ("PROFILER_ID", 2), ("OPTIMIZER_ID", 5)] {
        set(vm, dict, name, Value::from_i32(id))?;
    }
    Ok(())
}

fn set(vm: &mut Vm, dict: &Py<Dict>, name: &str, value: Value) -> PyResult<()> {
    let name = vm.intern(name);
    dict.set_str(vm, &name, value)
}
