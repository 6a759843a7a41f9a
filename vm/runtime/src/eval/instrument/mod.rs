//! Monitoring (PEP 669): instrumented copies of code, and who listens to what.
//!
//! A code object that somebody watches gets INSTRUMENTED_* opcodes in its running copy; code that nobody watches is run as ever. What belongs
//! at an instruction is kept in [`Instrumentation`] as three layers of tools: those told of a line, those told of every instruction, those told
//! of the instruction's own event. The running copy shows the outermost layer that is in use, `ops` unwraps them.
//!
//! Each change of what tools listen to raises `Monitoring::version`. Code whose version differs is brought up to date where it matters: by RESUME
//! while the eval breaker's bit says that somebody listens everywhere, by any instrumented instruction of the code itself, and at once for the
//! frames that run. So the bit can be taken off when nobody listens any more, and stale instrumentation heals when it is met.
//!
//! - `events` calls the tools, `ops` does the instrumented instructions, `legacy` is `sys.settrace` and `sys.setprofile` as two more tools,
//!   `lines` finds where lines begin.
//!
//! Invariant: layers are only set where the verifier has seen an instruction, and the base opcode is that of `co_code`.
#![allow(unsafe_code, reason = "writes the running copy of the code and looks into raw frames")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

use crate::eval::breaker;
use crate::eval::frame::Frame;
use crate::types::code::CodeObject;
use crate::{GilCell, Py, PyResult, Value, Vm};
use krait_bytecode::Opcode;
use krait_bytecode::opcode::MIN_INSTRUMENTED_OPCODE;
use std::cell::Cell;
use std::sync::atomic::Ordering;

mod events;
mod legacy;
mod lines;
mod ops;

pub use events::fire_native;
pub(crate) use events::{handled, thrown, unwinding};
pub(super) use events::{next_item, raising, send_item};
pub(crate) use legacy::set_opcode_trace;
pub(super) use ops::run;

/// The events; the numbers are the bits' places in `sys.monitoring.events`.
pub mod event {
    pub const PY_START: usize = 0;
    pub const PY_RESUME: usize = 1;
    pub const PY_RETURN: usize = 2;
    pub const PY_YIELD: usize = 3;
    pub const CALL: usize = 4;
    pub const LINE: usize = 5;
    pub const INSTRUCTION: usize = 6;
    pub const JUMP: usize = 7;
    pub const BRANCH_LEFT: usize = 8;
    pub const BRANCH_RIGHT: usize = 9;
    pub const STOP_ITERATION: usize = 10;
    /// Events up to here belong to instructions, and can be asked for in one code object.
    pub const LOCAL: usize = 11;
    pub const RAISE: usize = 11;
    pub const EXCEPTION_HANDLED: usize = 12;
    pub const PY_UNWIND: usize = 13;
    pub const PY_THROW: usize = 14;
    pub const RERAISE: usize = 15;
    /// Events up to here are asked for one by one.
    pub const UNGROUPED: usize = 16;
    pub const C_RETURN: usize = 16;
    pub const C_RAISE: usize = 17;
    pub const BRANCH: usize = 18;
    pub const COUNT: usize = 19;

    pub const NAMES: [&str; COUNT] = [
        "PY_START", "PY_RESUME", "PY_RETURN", "PY_YIELD", "CALL", "LINE", "INSTRUCTION", "JUMP", "BRANCH_LEFT", "BRANCH_RIGHT", "STOP_ITERATION",
        "RAISE", "EXCEPTION_HANDLED", "PY_UNWIND", "PY_THROW", "RERAISE", "C_RETURN", "C_RAISE", "BRANCH",
    ];
}

/// Tools that a program can take, and all.
pub const USER_TOOLS: usize = 6;
pub const TOOLS: usize = 8;
/// The tools behind `sys.setprofile` and `sys.settrace`.
pub const PROFILE: usize = 6;
pub const TRACE: usize = 7;

/// What an event calls.
#[derive(Clone, Default)]
pub enum Callback {
    #[default]
    None,
    Function(Value),
    /// For the event BRANCH, which stands for both branch events: when switched off, both sides are.
    Branch(Value),
}

/// What an interpreter keeps of its tools.
pub struct Monitoring {
    /// The tools of each event that is listened to everywhere, as bits.
    tools: [Cell<u8>; event::UNGROUPED],
    /// Some event has been asked for some time: places that are not instrumented look at `tools`.
    pub used: Cell<bool>,
    version: Cell<u32>,
    /// The version at which switched-off events came back.
    restarted: Cell<u32>,
    /// The version at which a tool was last cleared.
    cleared: [Cell<u32>; USER_TOOLS],
    pub names: GilCell<[Option<Value>; USER_TOOLS]>,
    pub callbacks: GilCell<[[Callback; event::COUNT]; USER_TOOLS]>,
    /// `sys.monitoring.DISABLE` and `MISSING`.
    pub disable: GilCell<Option<Value>>,
    pub missing: GilCell<Option<Value>>,
    pub legacy: legacy::Threads,
}

impl Default for Monitoring {
    fn default() -> Self {
        Monitoring {
            tools: Default::default(),
            used: Cell::new(false),
            version: Cell::new(1),
            restarted: Cell::new(0),
            cleared: Default::default(),
            names: GilCell::default(),
            callbacks: GilCell::default(),
            disable: GilCell::default(),
            missing: GilCell::default(),
            legacy: legacy::Threads::default(),
        }
    }
}

impl Monitoring {
    /// The tools that listen to an event everywhere.
    #[inline(always)]
    pub fn tools(&self, event: usize) -> u8 {
        self.tools.get(event).map_or(0, Cell::get)
    }

    /// Changes with what tools listen to.
    pub fn version(&self) -> u32 {
        self.version.get()
    }

    /// The events that a tool listens to everywhere, as bits.
    pub fn events_of(&self, tool: usize) -> u32 {
        self.tools.iter().enumerate().filter(|(_, t)| t.get() >> tool & 1 != 0).fold(0, |set, (i, _)| set | 1 << i)
    }
}

/// Version of code that has to be brought up to date whatever the interpreter's is.
const NEVER: u32 = u32::MAX;

/// What belongs at an instruction.
#[derive(Clone, Copy, Default)]
struct Site {
    /// Bits of [`site`].
    flags: u8,
    /// Tools of the instruction's own event.
    event: u8,
    line: u8,
    instruction: u8,
}

mod site {
    /// A line begins here.
    pub const LINE: u8 = 1;
    /// Coming from the instruction in front means coming from another line.
    pub const NEW_LINE: u8 = 2;
    /// A jump: where it comes from decides whether its target begins a line.
    pub const JUMP: u8 = 4;
    /// Can be told of as an instruction.
    pub const INSTRUCTION: u8 = 8;
}

/// What a code object's running copy is instrumented for.
pub struct Instrumentation {
    /// Tools of each event that was asked for in this code.
    local: [Cell<u8>; event::LOCAL],
    /// Tools of each event that the layers were made for.
    active: [Cell<u8>; event::LOCAL],
    /// The version up to which cleared tools have been taken out of `local`.
    cleared: Cell<u32>,
    /// For each code unit.
    sites: Box<[Cell<Site>]>,
    /// The line of each code unit, -1 for none; empty until lines are asked for.
    lines: Box<[i32]>,
}

impl Instrumentation {
    fn new(code: &CodeObject) -> Instrumentation {
        Instrumentation {
            local: Default::default(),
            active: Default::default(),
            cleared: Cell::new(0),
            sites: lines::sites(code),
            lines: lines::lines(code),
        }
    }

    fn site(&self, unit: usize) -> Site {
        self.sites.get(unit).map_or_else(Site::default, Cell::get)
    }

    fn line(&self, unit: usize) -> i32 {
        self.lines.get(unit).copied().unwrap_or(-1)
    }

    /// Takes out what tools asked for before they were cleared.
    fn forget_cleared(&self, monitoring: &Monitoring) {
        for (tool, at) in monitoring.cleared.iter().enumerate() {
            if at.get() > self.cleared.get() {
                self.local.iter().for_each(|t| t.set(t.get() & !(1 << tool)));
            }
        }
        self.cleared.set(monitoring.version.get());
    }
}

/// The opcode that a code unit of `co_code` holds.
fn base_opcode(code: &CodeObject, unit: usize) -> Opcode {
    code.bytecode.get(2 * unit).and_then(|n| Opcode::from_u16(u16::from(*n))).unwrap_or(Opcode::CACHE)
}

/// The event of an instruction, and the opcode that tells of it.
fn event_of(base: Opcode, oparg: u8) -> Option<(usize, Opcode)> {
    Some(match base {
        Opcode::RESUME if oparg & 3 == 0 => (event::PY_START, Opcode::INSTRUMENTED_RESUME),
        Opcode::RESUME => (event::PY_RESUME, Opcode::INSTRUMENTED_RESUME),
        Opcode::RETURN_VALUE => (event::PY_RETURN, Opcode::INSTRUMENTED_RETURN_VALUE),
        Opcode::YIELD_VALUE => (event::PY_YIELD, Opcode::INSTRUMENTED_YIELD_VALUE),
        Opcode::CALL => (event::CALL, Opcode::INSTRUMENTED_CALL),
        Opcode::CALL_KW => (event::CALL, Opcode::INSTRUMENTED_CALL_KW),
        Opcode::CALL_FUNCTION_EX => (event::CALL, Opcode::INSTRUMENTED_CALL_FUNCTION_EX),
        Opcode::LOAD_SUPER_ATTR => (event::CALL, Opcode::INSTRUMENTED_LOAD_SUPER_ATTR),
        Opcode::JUMP_FORWARD => (event::JUMP, Opcode::INSTRUMENTED_JUMP_FORWARD),
        Opcode::JUMP_BACKWARD => (event::JUMP, Opcode::INSTRUMENTED_JUMP_BACKWARD),
        Opcode::POP_JUMP_IF_TRUE => (event::BRANCH_RIGHT, Opcode::INSTRUMENTED_POP_JUMP_IF_TRUE),
        Opcode::POP_JUMP_IF_FALSE => (event::BRANCH_RIGHT, Opcode::INSTRUMENTED_POP_JUMP_IF_FALSE),
        Opcode::POP_JUMP_IF_NONE => (event::BRANCH_RIGHT, Opcode::INSTRUMENTED_POP_JUMP_IF_NONE),
        Opcode::POP_JUMP_IF_NOT_NONE => (event::BRANCH_RIGHT, Opcode::INSTRUMENTED_POP_JUMP_IF_NOT_NONE),
        Opcode::FOR_ITER => (event::BRANCH_LEFT, Opcode::INSTRUMENTED_FOR_ITER),
        Opcode::POP_ITER => (event::BRANCH_RIGHT, Opcode::INSTRUMENTED_POP_ITER),
        Opcode::NOT_TAKEN => (event::BRANCH_LEFT, Opcode::INSTRUMENTED_NOT_TAKEN),
        Opcode::END_ASYNC_FOR => (event::BRANCH_RIGHT, Opcode::INSTRUMENTED_END_ASYNC_FOR),
        Opcode::END_FOR => (event::STOP_ITERATION, Opcode::INSTRUMENTED_END_FOR),
        Opcode::END_SEND => (event::STOP_ITERATION, Opcode::INSTRUMENTED_END_SEND),
        _ => return None,
    })
}

fn event_at(code: &CodeObject, unit: usize) -> Option<(usize, Opcode)> {
    event_of(base_opcode(code, unit), code.bytecode.get(2 * unit + 1).copied().unwrap_or(0))
}

/// Keeps the counter of an instruction that is about to be run in its base form from reaching zero: specialising would write over the
/// instrumented opcode.
fn pause(code: &CodeObject, unit: usize) {
    if base_opcode(code, unit).caches() > 0
        && let Some(counter) = code.units().get(unit + 1) {
            counter.set(u16::MAX);
        }
}

/// Writes the opcode that an instruction's layers ask for into the running copy.
fn show(code: &CodeObject, state: &Instrumentation, unit: usize) {
    let (Some(cell), site, base) = (code.units().get(unit), state.site(unit), base_opcode(code, unit)) else { return };
    let records = site.flags & site::JUMP != 0 && state.active[event::LINE].get() != 0;
    let want = if site.line != 0 {
        Opcode::INSTRUMENTED_LINE
    } else if site.instruction != 0 || records {
        Opcode::INSTRUMENTED_INSTRUCTION
    } else if site.event != 0 {
        event_at(code, unit).map_or(base, |(_, opcode)| opcode)
    } else {
        base
    };
    let shown = cell.get() & 0xff;
    if want != base {
        cell.set(cell.get() & 0xff00 | want as u16);
        pause(code, unit);
    } else if shown >= MIN_INSTRUMENTED_OPCODE {
        cell.set(cell.get() & 0xff00 | base as u16);
        if base.caches() > 0
            && let Some(counter) = code.units().get(unit + 1) {
                counter.set(crate::eval::specialize::WARMUP);
            }
    }
}

fn is_stale(vm: &Vm, code: &CodeObject) -> bool {
    code.monitoring_version.get() != vm.interp.monitoring.version.get()
}

/// Makes the instrumentation of a code object if there is none.
fn prepare(vm: &mut Vm, code: &CodeObject) -> PyResult<()> {
    if code.instrumentation.get(vm).is_none() {
        // Places, offsets and jumps are taken on trust from here on.
        code.check(vm)?;
        let made = Box::new(Instrumentation::new(code));
        made.cleared.set(vm.interp.monitoring.version.get());
        code.instrumentation.replace(vm, Some(made));
    }
    Ok(())
}

/// Brings a code object's running copy up to date with what tools listen to.
pub(super) fn update(vm: &mut Vm, code: &CodeObject) -> PyResult<()> {
    if !is_stale(vm, code) {
        return Ok(());
    }
    let monitoring = &vm.interp.monitoring;
    let version = monitoring.version.get();
    let listened = monitoring.tools.iter().take(event::LOCAL).any(|t| t.get() != 0);
    if !listened && code.instrumentation.get(vm).is_none() {
        code.monitoring_version.set(version);
        return Ok(());
    }
    let was = code.monitoring_version.replace(version);
    let restarted = was != NEVER && monitoring.restarted.get() > was;
    prepare(vm, code)?;
    let Some(state) = code.instrumentation.get(vm).as_deref() else { return Ok(()) };
    state.forget_cleared(monitoring);
    let (mut removed, mut added, mut changed) = ([0_u8; event::LOCAL], [0_u8; event::LOCAL], false);
    for e in 0..event::LOCAL {
        let now = monitoring.tools[e].get() | state.local[e].get();
        let before = state.active[e].replace(now);
        (removed[e], added[e]) = if restarted { (before, now) } else { (before & !now, now & !before) };
        changed |= removed[e] | added[e] != 0;
    }
    if !changed {
        return Ok(());
    }
    for (unit, cell) in state.sites.iter().enumerate() {
        let mut site = cell.get();
        let event = event_at(code, unit);
        if site.flags == 0 && event.is_none() {
            continue;
        }
        if let Some((e, _)) = event {
            site.event = site.event & !removed[e] | added[e];
        }
        if site.flags & site::LINE != 0 {
            site.line = site.line & !removed[event::LINE] | added[event::LINE];
        }
        if site.flags & site::INSTRUCTION != 0 {
            site.instruction = site.instruction & !removed[event::INSTRUCTION] | added[event::INSTRUCTION];
        }
        cell.set(site);
        show(code, state, unit);
    }
    Ok(())
}

/// Takes a tool off one instruction: its callback has answered DISABLE.
fn disable(vm: &Vm, code: &CodeObject, unit: usize, event: usize, tool: usize) {
    let Some(state) = code.instrumentation.get(vm).as_deref() else { return };
    let Some(cell) = state.sites.get(unit) else { return };
    let mut site = cell.get();
    match event {
        event::LINE => site.line &= !(1 << tool),
        event::INSTRUCTION => site.instruction &= !(1 << tool),
        _ => site.event &= !(1 << tool),
    }
    cell.set(site);
    show(code, state, unit);
}

/// Instruments the frames of this thread.
fn update_running(vm: &mut Vm) -> PyResult<()> {
    vm.eval.monitoring_version = vm.interp.monitoring.version.get();
    let mut at = vm.eval.frame;
    while !at.is_null() {
        // SAFETY: linked frames are alive, and no Python code runs here.
        let code = unsafe { (*at).code.clone() };
        update(vm, &code)?;
        // SAFETY: as above.
        at = unsafe { (*at).previous };
    }
    Ok(())
}

/// What tools listen to has changed.
fn changed(vm: &mut Vm) -> PyResult<()> {
    let monitoring = &vm.interp.monitoring;
    monitoring.used.set(true);
    monitoring.version.set(monitoring.version.get().saturating_add(1).min(NEVER - 1));
    if monitoring.tools.iter().any(|t| t.get() != 0) {
        vm.interp.eval_breaker.fetch_or(breaker::MONITORING, Ordering::AcqRel);
    } else {
        vm.interp.eval_breaker.fetch_and(!breaker::MONITORING, Ordering::AcqRel);
    }
    update_running(vm)
}

/// For RESUME and jumps while somebody listens: brings what runs here up to date.
#[cold]
pub(super) fn catch_up(vm: &mut Vm) -> PyResult<()> {
    if vm.eval.tracing != 0 {
        return Ok(());
    }
    legacy::adopt(vm);
    if vm.eval.monitoring_version != vm.interp.monitoring.version.get() {
        return update_running(vm);
    }
    let frame: *mut Frame = vm.eval.frame;
    if frame.is_null() {
        return Ok(());
    }
    // SAFETY: the running frame is alive.
    let code = unsafe { (*frame).code.clone() };
    update(vm, &code)
}

/// Sets the events that a tool listens to everywhere.
pub fn set_events(vm: &mut Vm, tool: usize, events: u32) -> PyResult<()> {
    let monitoring = &vm.interp.monitoring;
    if monitoring.events_of(tool) == events {
        return Ok(());
    }
    for (i, tools) in monitoring.tools.iter().enumerate() {
        tools.set(tools.get() & !(1 << tool) | ((events >> i & 1) as u8) << tool);
    }
    changed(vm)
}

/// The events that a tool listens to in one code object.
pub fn local_events(vm: &Vm, tool: usize, code: &CodeObject) -> u32 {
    let Some(state) = code.instrumentation.get(vm).as_deref() else { return 0 };
    state.forget_cleared(&vm.interp.monitoring);
    state.local.iter().enumerate().filter(|(_, t)| t.get() >> tool & 1 != 0).fold(0, |set, (i, _)| set | 1 << i)
}

/// Sets them.
pub fn set_local_events(vm: &mut Vm, tool: usize, code: &CodeObject, events: u32) -> PyResult<()> {
    if local_events(vm, tool, code) == events {
        return Ok(());
    }
    vm.interp.monitoring.used.set(true);
    prepare(vm, code)?;
    let Some(state) = code.instrumentation.get(vm).as_deref() else { return Ok(()) };
    for (i, tools) in state.local.iter().enumerate() {
        tools.set(tools.get() & !(1 << tool) | ((events >> i & 1) as u8) << tool);
    }
    code.monitoring_version.set(NEVER);
    update(vm, code)
}

/// Lets events that callbacks have switched off come again.
pub fn restart(vm: &mut Vm) -> PyResult<()> {
    let monitoring = &vm.interp.monitoring;
    let next = monitoring.version.get().saturating_add(1);
    monitoring.restarted.set(next);
    monitoring.version.set(next);
    changed(vm)
}

/// Makes a tool forget its callbacks and events.
pub fn clear_tool(vm: &mut Vm, tool: usize) -> PyResult<()> {
    let interp = vm.interp;
    let old = interp.monitoring.callbacks.get_mut(vm).get_mut(tool).map(std::mem::take);
    drop(old);
    for tools in &interp.monitoring.tools {
        tools.set(tools.get() & !(1 << tool));
    }
    if let Some(at) = interp.monitoring.cleared.get(tool) {
        at.set(interp.monitoring.version.get().saturating_add(1));
    }
    changed(vm)
}

/// A jump that has just been taken, for the line that may begin at its target.
#[derive(Clone, Copy)]
pub struct Jump {
    frame: *mut Frame,
    from: usize,
    to: usize,
}

impl Jump {
    pub const NONE: Jump = Jump { frame: std::ptr::null_mut(), from: 0, to: 0 };
}

/// Says that a frame goes on at another place than behind the last instruction.
///
/// # Safety
/// `frame` is live.
pub(crate) fn jumped(vm: &mut Vm, frame: *mut Frame, from: usize, to: usize) {
    vm.eval.jump = Jump { frame, from, to };
}

/// A code object's reference, as callbacks get it.
fn code_value(code: &Py<CodeObject>) -> Value {
    code.to_value()
}
