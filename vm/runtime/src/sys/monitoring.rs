//! `sys.monitoring` (PEP 669): tools, their names, callbacks and events. What makes the events is in `eval::instrument`.

use crate::eval::instrument::{self, Callback, USER_TOOLS, event};
use crate::types::code::CodeObject;
use crate::types::dict::Dict;
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pyfunction};

const ALL: i32 = (1 << event::COUNT) - 1;
const BRANCH: i32 = 1 << event::BRANCH;
const BRANCHES: i32 = 1 << event::BRANCH_LEFT | 1 << event::BRANCH_RIGHT;
const C_EVENTS: i32 = 1 << event::C_RETURN | 1 << event::C_RAISE;
/// Events that can be asked for in one code object, and what goes with them.
const LOCAL: i32 = ((1 << event::LOCAL) - 1) | C_EVENTS | BRANCH;

fn check_tool(vm: &mut Vm, tool: i32) -> PyResult<usize> {
    match usize::try_from(tool).ok().filter(|t| *t < USER_TOOLS) {
        Some(tool) => Ok(tool),
        None => Err(vm.value_error(format!("invalid tool {tool} (must be between 0 and 5)"))),
    }
}

fn check_in_use(vm: &mut Vm, tool: usize) -> PyResult<()> {
    let used = vm.interp.monitoring.names.get(vm).get(tool).is_some_and(Option::is_some);
    if used { Ok(()) } else { Err(vm.value_error(format!("tool {tool} is not in use"))) }
}

/// Take a tool's number into use.
#[pyfunction(sig = "(tool_id, name, /)")]
fn use_tool_id(tool_id: i32, name: &Value, vm: &mut Vm) -> PyResult<()> {
    let tool = check_tool(vm, tool_id)?;
    if !name.is::<Str>() {
        return Err(vm.value_error("tool name must be a str"));
    }
    let interp = vm.interp;
    match interp.monitoring.names.get_mut(vm).get_mut(tool) {
        Some(slot @ None) => {
            *slot = Some(name.clone());
            Ok(())
        }
        _ => Err(vm.value_error(format!("tool {tool_id} is already in use"))),
    }
}

/// Make a tool forget its callbacks and events.
#[pyfunction(sig = "(tool_id, /)")]
fn clear_tool_id(tool_id: i32, vm: &mut Vm) -> PyResult<()> {
    let tool = check_tool(vm, tool_id)?;
    let used = vm.interp.monitoring.names.get(vm).get(tool).is_some_and(Option::is_some);
    if used { instrument::clear_tool(vm, tool) } else { Ok(()) }
}

/// Give a tool's number back.
#[pyfunction(sig = "(tool_id, /)")]
fn free_tool_id(tool_id: i32, vm: &mut Vm) -> PyResult<()> {
    clear_tool_id(tool_id, vm)?;
    let tool = check_tool(vm, tool_id)?;
    let interp = vm.interp;
    let old = interp.monitoring.names.get_mut(vm).get_mut(tool).and_then(Option::take);
    drop(old);
    Ok(())
}

/// The name of the tool that uses a number, None if none does.
#[pyfunction(sig = "(tool_id, /)")]
fn get_tool(tool_id: i32, vm: &mut Vm) -> PyResult<Option<Value>> {
    let tool = check_tool(vm, tool_id)?;
    Ok(vm.interp.monitoring.names.get(vm).get(tool).cloned().flatten())
}

/// Set what an event calls for a tool; gives the former callback.
#[pyfunction(sig = "(tool_id, event, func, /)")]
fn register_callback(tool_id: i32, event: i32, func: &Value, vm: &mut Vm) -> PyResult<Option<Value>> {
    let tool = check_tool(vm, tool_id)?;
    if event.count_ones() != 1 {
        return Err(vm.value_error("The callback can only be set for one event at a time"));
    }
    let at = event.trailing_zeros() as usize;
    if at >= event::COUNT {
        return Err(vm.value_error(format!("invalid event {event}")));
    }
    super::hooks::run_audit_hooks(vm, "sys.monitoring.register_callback", std::slice::from_ref(func))?;
    if at == event::BRANCH {
        let new = if func.is_none() { Callback::None } else { Callback::Branch(func.clone()) };
        replace(vm, tool, event::BRANCH_LEFT, new.clone());
        return Ok(replace(vm, tool, event::BRANCH_RIGHT, new));
    }
    let new = if func.is_none() { Callback::None } else { Callback::Function(func.clone()) };
    Ok(replace(vm, tool, at, new))
}

fn replace(vm: &mut Vm, tool: usize, event: usize, new: Callback) -> Option<Value> {
    let interp = vm.interp;
    let slot = interp.monitoring.callbacks.get_mut(vm).get_mut(tool).and_then(|c| c.get_mut(event))?;
    match std::mem::replace(slot, new) {
        Callback::None => None,
        Callback::Function(f) | Callback::Branch(f) => Some(f),
    }
}

/// The events that a tool listens to everywhere.
#[pyfunction(sig = "(tool_id, /)")]
fn get_events(tool_id: i32, vm: &mut Vm) -> PyResult<u32> {
    let tool = check_tool(vm, tool_id)?;
    Ok(vm.interp.monitoring.events_of(tool))
}

/// Set the events that a tool listens to everywhere.
#[pyfunction(sig = "(tool_id, event_set, /)")]
fn set_events(tool_id: i32, event_set: i32, vm: &mut Vm) -> PyResult<()> {
    let tool = check_tool(vm, tool_id)?;
    if !(0..=ALL).contains(&event_set) {
        return Err(vm.value_error(format!("invalid event set {event_set:#x}")));
    }
    let events = plain_events(vm, event_set)?;
    check_in_use(vm, tool)?;
    instrument::set_events(vm, tool, events)
}

/// C_RETURN and C_RAISE come with CALL, and BRANCH is both branches.
fn plain_events(vm: &mut Vm, events: i32) -> PyResult<u32> {
    if events & C_EVENTS != 0 && events & (C_EVENTS | 1 << event::CALL) != C_EVENTS | 1 << event::CALL {
        return Err(vm.value_error("cannot set C_RETURN or C_RAISE events independently"));
    }
    let branches = if events & BRANCH != 0 { BRANCHES } else { 0 };
    Ok(((events | branches) & !(C_EVENTS | BRANCH)).cast_unsigned())
}

/// The events that a tool listens to in one code object.
#[pyfunction(sig = "(tool_id, code, /)")]
fn get_local_events(tool_id: i32, code: &Value, vm: &mut Vm) -> PyResult<u32> {
    let code = check_code(vm, code)?;
    let tool = check_tool(vm, tool_id)?;
    Ok(instrument::local_events(vm, tool, &code))
}

/// Set the events that a tool listens to in one code object.
#[pyfunction(sig = "(tool_id, code, event_set, /)")]
fn set_local_events(tool_id: i32, code: &Value, event_set: i32, vm: &mut Vm) -> PyResult<()> {
    let code = check_code(vm, code)?;
    let tool = check_tool(vm, tool_id)?;
    let events = if event_set < 0 { 0 } else { plain_events(vm, event_set)? };
    if event_set < 0 || event_set & !LOCAL != 0 {
        let shown = if event_set < 0 { event_set & !(C_EVENTS | BRANCH) } else { event_set & !C_EVENTS };
        return Err(vm.value_error(format!("invalid local event set {shown:#x}")));
    }
    check_in_use(vm, tool)?;
    instrument::set_local_events(vm, tool, &code, events)
}

fn check_code(vm: &mut Vm, code: &Value) -> PyResult<Py<CodeObject>> {
    match code.downcast::<CodeObject>() {
        Some(code) => Ok(code.clone()),
        None => Err(vm.type_error("code must be a code object")),
    }
}

/// Let events that were switched off by DISABLE come again.
#[pyfunction]
fn restart_events(vm: &mut Vm) -> PyResult<()> {
    instrument::restart(vm)
}

/// All events that somebody listens to.
#[pyfunction]
fn _all_events(vm: &mut Vm) -> PyResult<Py<Dict>> {
    let dict = vm.new_dict()?;
    for (i, name) in event::NAMES.iter().enumerate().take(event::UNGROUPED) {
        let tools = vm.interp.monitoring.tools(i);
        if tools != 0 {
            set(vm, &dict, name, Value::from_i32(i32::from(tools)))?;
        }
    }
    Ok(dict)
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
    let interp = vm.interp;
    for (name, cell) in [("DISABLE", &interp.monitoring.disable), ("MISSING", &interp.monitoring.missing)] {
        let marker = vm.new_object(crate::types::object::Object)?.into_value();
        let old = cell.replace(vm, Some(marker.clone()));
        drop(old);
        set(vm, dict, name, marker)?;
    }
    let events = vm.new_dict()?;
    for (i, name) in event::NAMES.iter().enumerate() {
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
